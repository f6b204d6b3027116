import { createServer } from "node:net"
import { assert, describe, it } from "@effect/vitest"
import { Neo4jError } from "neo4j-driver"
import { Duration, Effect, Redacted, Stream } from "effect"
import * as Connection from "../../../src/layers/neo4j/Connection.ts"
import { storageError, troubleOf } from "../../../src/layers/neo4j/Fault.ts"
import * as Schema from "../../../src/layers/neo4j/Schema.ts"
import * as Server from "../../../src/layers/neo4j/Server.ts"

const address = { uri: "neo4j://127.0.0.1:7687", username: "bob", password: Redacted.make("a-secret") }

const thrown = (code: string, message: string): Neo4jError =>
  new Neo4jError(message, code, "50N42", "error: general processing exception")

/** A server that answers with these rows, and lets nobody change anything. */
const guarded = (rows: (statement: string) => ReadonlyArray<Connection.Row>): Connection.Connection => {
  const refused = storageError(
    address,
    thrown("Neo.ClientError.Security.Forbidden", "Schema operation 'create_index' is not allowed for user 'bob'.")
  )
  return {
    address,
    read: (statement) => Effect.succeed(rows(statement)),
    stream: () => Stream.empty,
    write: () => Effect.fail(refused),
    alone: () => Effect.fail(refused)
  }
}

/** A port whose connections are treated like this. */
const listening = (treat: Parameters<typeof createServer>[1]) =>
  Effect.acquireRelease(
    Effect.callback<{ readonly port: number; readonly close: () => void }>((resume) => {
      const server = createServer(treat)
      server.listen(0, "127.0.0.1", () => {
        const found = server.address()
        resume(
          Effect.succeed({
            port: typeof found === "object" && found !== null ? found.port : 0,
            close: () => server.close()
          })
        )
      })
    }),
    ({ close }) => Effect.sync(close)
  )

const asked = (uri: string) =>
  Effect.gen(function* () {
    const connection = yield* Connection.make({
      uri,
      username: "bob",
      password: Redacted.make("a-secret"),
      patience: Duration.zero,
      silence: Duration.millis(100)
    })
    return yield* Effect.flip(connection.read("RETURN 1"))
  })

describe("what Neo4j cannot do", () => {
  it("is told in one line, without a stack, and with what to do", () => {
    const cases: ReadonlyArray<readonly [code: string, message: string, said: RegExp]> = [
      ["Neo.ClientError.Security.Unauthorized", "The client is unauthorized.", /user bob .*NEO4J_PASSWORD/],
      ["Neo.ClientError.Security.CredentialsExpired", "Expired.", /must be changed/],
      ["Neo.ClientError.Security.Forbidden", "Not allowed.\n  at x", /does not let bob .*Give the user the right/],
      ["Neo.ClientError.Database.DatabaseNotFound", "Not there.", /no database/],
      ["Neo.ClientError.General.WriteOnReadOnlyAccessDatabase", "Read-only.", /is read-only: make it writable/],
      ["Neo.TransientError.General.MemoryPoolOutOfMemoryError", "Out of memory.", /not enough memory/],
      ["Neo.ClientError.Transaction.TransactionTimedOutClientConfiguration", "Timed out.", /took too long.*again/],
      ["ServiceUnavailable", "connect ECONNREFUSED 127.0.0.1:7687", /nobody listens there.*again/],
      ["ServiceUnavailable", "getaddrinfo ENOTFOUND x", /no host of that name/],
      ["ServiceUnavailable", "before secure TLS connection was established", /without \+s/],
      ["ServiceUnavailable", "Server certificate is not trusted. If you", /NODE_EXTRA_CA_CERTS.*\+ssc/],
      ["N/A", "Connection acquisition timed out in 60000 ms. Pool status", /does not answer.*again/],
      ["N/A", "Server responded HTTP. Make sure you are not", /web server.*7687/],
      ["Neo.ClientError.Statement.SyntaxError", "Invalid input 'x'\n\"x\"\n ^", /refused: Invalid input 'x' \(Neo/]
    ]
    for (const [code, message, said] of cases) {
      const error = storageError(address, thrown(code, message))
      assert.match(error.message, said, code)
      assert.notInclude(error.message, "\n")
    }
  })

  it("tells a password that nobody gave from one that is wrong", () => {
    const { uri, username } = address
    const error = thrown("Neo.ClientError.Security.Unauthorized", "The client is unauthorized.")
    assert.match(storageError({ uri, username }, error).message, /NEO4J_PASSWORD is not set/)
    assert.notMatch(storageError(address, error).message, /not set|a-secret/)
  })

  it("is waited for only where that may help", () => {
    const trouble = (code: string, message = "x") => troubleOf(thrown(code, message))
    assert.strictEqual(trouble("ProtocolError", "Connection was closed by server"), "outage")
    assert.strictEqual(trouble("N/A", "Connection acquisition timed out in 60000 ms."), "outage")
    assert.strictEqual(trouble("ServiceUnavailable", "Server certificate is not trusted."), "fatal")
    assert.strictEqual(trouble("Neo.TransientError.Transaction.DeadlockDetected"), "conflict")
    assert.strictEqual(trouble("Neo.ClientError.Security.Unauthorized"), "fatal")
  })

  it.effect("a user who may not create the schema is told what somebody else has to run", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(
        Schema.ensure(guarded((statement) => (statement.includes("max(v.version)") ? [{ version: null }] : [])))
      )
      const [first = "", ...statements] = error.message.split("\n")
      assert.strictEqual(error.reason, "readonly")
      assert.match(first, /user bob may not create/)
      assert.isAbove(statements.length, 20)
      for (const statement of statements) assert.match(statement, /^ {2}CREATE .* IF NOT EXISTS .*;$/)
    })
  )

  it.effect("a server that is too old is told so before anything is written", () =>
    Effect.gen(function* () {
      const of = (version: string) =>
        Server.check(guarded(() => [{ name: "Neo4j Kernel", version, edition: "community" }]))
      const error = yield* Effect.flip(of("4.4.41"))
      assert.deepInclude({ ...error }, { reason: "version", retryable: false })
      assert.include(error.message, "is version 4.4.41, and must be 5.26 or newer")
      assert.strictEqual((yield* Effect.flip(of("5.25.1"))).reason, "version")
      for (const version of ["5.26.0", "5.27-aura", "2025.10.1"]) assert.include(yield* of(version), version)
    })
  )

  it.live(
    "a port that says nothing, hangs up, or is a web server's is told as that, and never waited for for ever",
    () =>
      Effect.gen(function* () {
        const silent = yield* listening(() => undefined)
        assert.match((yield* asked(`bolt://127.0.0.1:${silent.port}`)).message, /takes connections and says nothing/)
        const ending = yield* listening((socket) => socket.on("error", () => undefined).destroy())
        const error = yield* asked(`bolt://127.0.0.1:${ending.port}`)
        assert.deepInclude({ ...error }, { reason: "unavailable", retryable: true })
        assert.notInclude(error.message, "a-secret")
        const web = yield* listening((socket) =>
          socket.on("error", () => undefined).end("HTTP/1.1 400 Bad Request\r\n\r\n")
        )
        assert.include((yield* asked(`bolt://127.0.0.1:${web.port}`)).message, "web server")
      }).pipe(Effect.scoped)
  )
})
