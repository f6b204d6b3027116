#!/usr/bin/env node
import process from "node:process"

if (Number.parseInt(process.versions.node, 10) < 24) {
  process.stderr.write(
    `Sluice needs Node 24 or newer; this is Node ${process.versions.node}.\n` +
      "Run it as `npx node dist/main.js` or `node_modules/.bin/node dist/main.js`, with the Node that `npm ci` installed.\n"
  )
  process.exitCode = 1
} else {
  const { main } = await import("./app.ts")
  main(process)
}
