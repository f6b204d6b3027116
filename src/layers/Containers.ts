import { Effect, Layer } from "effect"
import { Unpacker } from "../services/Unpacker.ts"
import { openArchive } from "./containers/Archive.ts"
import { openMail } from "./containers/Attachments.ts"
import { isGzip, openGzip } from "./containers/Gzip.ts"
import { mailboxStart, openMailbox } from "./containers/Mailbox.ts"
import type { ContainerOptions } from "./containers/options.ts"
import { openTelegram } from "./containers/Telegram.ts"
import * as Pool from "./parsers/Pool.ts"

const headBytes = 1024

/**
 * Mailboxes (mbox) with their messages, mails (`.eml`, `.msg`) with their attachments, zip archives and exports of Slack
 * with their files, exports of Telegram with their chats, gzip files. Known by their first kilobyte, whatever they are
 * called.
 */
export const layerPooled = (options: ContainerOptions): Layer.Layer<Unpacker, never, Pool.ParserPool> =>
  Layer.effect(
    Unpacker,
    Effect.map(Pool.ParserPool, ({ parts }) =>
      Unpacker.of({
        open: Effect.fnUntraced(function* (file) {
          const head = yield* file.range(0, Math.min(headBytes, file.size))
          if (isGzip(head)) return openGzip(file, options)
          const start = mailboxStart(head)
          if (start >= 0) return openMailbox(file, start, options)
          return (
            (yield* openArchive(file, head, options)) ??
            (yield* openMail(file, head, parts, options)) ??
            (yield* openTelegram(file, head, options)) ?? { isDocument: true }
          )
        })
      })
    )
  )

/**
 * With the command line's own limit for a document, 64 MB, and the pool that the parsers of the same composition have by
 * default.
 */
export const layer: Layer.Layer<Unpacker> = Layer.provide(layerPooled({ maxBytes: 64 * 1024 * 1024 }), Pool.layer)
