#!/usr/bin/env node
import { existsSync } from "node:fs"
import module from "node:module"
import { homedir } from "node:os"
import { join } from "node:path"
import process from "node:process"

/** Of a user whom the system does not know, as in some containers, it has none to tell. */
const home = (): string | undefined => {
  try {
    return homedir()
  } catch {
    return undefined
  }
}

if (Number.parseInt(process.versions.node, 10) < 24) {
  process.stderr.write(
    `Sluice needs Node 24 or newer; this is Node ${process.versions.node}.\n` +
      "Run it with the one that `npm ci` installed: `npx node dist/main.js` in its directory, DIRECTORY/node_modules/.bin/node elsewhere.\n"
  )
  process.exitCode = 1
} else {
  // What V8 made of the program's text, for the next start. In the user's own directory: whoever could write to it could
  // change what is run. NODE_COMPILE_CACHE and NODE_DISABLE_COMPILE_CACHE are obeyed; where it cannot be, it is not.
  // Node never comes back from a home that is not there and cannot be made, as one below /proc.
  const directory = home()
  if (directory !== undefined && existsSync(directory)) module.enableCompileCache(join(directory, ".cache", "sluice"))
  const { main } = await import("./app.ts")
  main(process)
}
