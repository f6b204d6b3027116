import { writeFileSync } from "node:fs"

/** Loaded before the program: writes what the process used when it exits. */
process.on("exit", () => {
  const file = process.env["SLUICE_PROBE_FILE"]
  if (file === undefined) return
  const { maxRSS, systemCPUTime, userCPUTime } = process.resourceUsage()
  writeFileSync(file, JSON.stringify({ cpuSeconds: (userCPUTime + systemCPUTime) / 1e6, peakMegabytes: maxRSS / 1024 }))
})
