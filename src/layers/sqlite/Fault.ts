import type { StorageError } from "../../services/StorageError.ts"

type Reason = StorageError["reason"]

/** A `StorageError` as an engine throws it and as it crosses from the worker thread: plain data. */
export interface FaultData {
  readonly reason: Reason
  readonly retryable: boolean
  readonly message: string
}

export class Fault extends Error implements FaultData {
  readonly reason: Reason
  readonly retryable: boolean

  constructor(reason: Reason, message: string, retryable = false) {
    super(message)
    this.reason = reason
    this.retryable = retryable
  }
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null

/** Primary result codes of SQLite (https://www.sqlite.org/rescode.html): the low byte of an extended one. */
const primary = {
  permission: 3,
  busy: 5,
  locked: 6,
  readonly: 8,
  io: 10,
  corrupt: 11,
  full: 13,
  open: 14,
  notADatabase: 26
}

const sqliteFault = (file: string, code: number, detail: string): FaultData => {
  switch (code & 0xff) {
    case primary.busy:
    case primary.locked:
      return {
        reason: "locked",
        retryable: true,
        message: `${file} is locked: another process is writing to it. Wait for it to end, or stop it, then run the same command again.`
      }
    case primary.full:
      return {
        reason: "full",
        retryable: false,
        message: `The disk is full: ${file} cannot grow. What was committed is whole; make room, then run the same command again.`
      }
    case primary.readonly:
    case primary.permission:
      return {
        reason: "readonly",
        retryable: false,
        message: `${file} cannot be written to. Check the permissions of the file and its directory, or choose another file.`
      }
    case primary.open:
      return {
        reason: "unavailable",
        retryable: false,
        message: `${file} cannot be opened. Check that the path is a file that you may read and write, in a directory that you may write to.`
      }
    case primary.corrupt:
      return {
        reason: "corrupt",
        retryable: false,
        message: `${file} is damaged (${detail}). Restore it from a backup, or move it away and run the same command again.`
      }
    case primary.notADatabase:
      return {
        reason: "corrupt",
        retryable: false,
        message: `${file} is not an SQLite database, so it was left alone. Choose another file, or move this one away.`
      }
    case primary.io:
      return {
        reason: "failed",
        retryable: false,
        message: `Reading or writing ${file} failed (${detail}). Check the disk, then run the same command again.`
      }
    default:
      return { reason: "failed", retryable: false, message: `${file}: ${detail}` }
  }
}

const systemReasons: Readonly<Record<string, Reason>> = {
  EACCES: "readonly",
  EPERM: "readonly",
  EROFS: "readonly",
  ENOSPC: "full",
  EDQUOT: "full"
}

/** What a thrown value means, for a person. */
export const faultData = (file: string, error: unknown): FaultData => {
  if (error instanceof Fault) return { reason: error.reason, retryable: error.retryable, message: error.message }
  const detail = error instanceof Error ? error.message : String(error)
  if (isRecord(error)) {
    if (error["code"] === "ERR_SQLITE_ERROR" && typeof error["errcode"] === "number") {
      return sqliteFault(file, error["errcode"], detail)
    }
    if (typeof error["code"] === "string" && typeof error["syscall"] === "string") {
      const reason = systemReasons[error["code"]] ?? "unavailable"
      return {
        reason,
        retryable: false,
        message:
          reason === "full"
            ? `The disk is full: ${file} cannot be made. Make room, then run the same command again.`
            : `${file} cannot be opened: ${detail}. Check the path and its permissions, or choose another file.`
      }
    }
  }
  return { reason: "failed", retryable: false, message: `${file}: ${detail}` }
}

export const isBusy = (error: unknown): boolean =>
  isRecord(error) &&
  error["code"] === "ERR_SQLITE_ERROR" &&
  typeof error["errcode"] === "number" &&
  (error["errcode"] & 0xff) === primary.busy
