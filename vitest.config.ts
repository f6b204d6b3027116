import { defineConfig } from "vitest/config"

export default defineConfig({
  // By default one core is left free, which on a machine with two is half of it.
  test: { include: ["test/**/*.test.ts"], testTimeout: 30_000, pool: "threads", maxWorkers: "100%" }
})
