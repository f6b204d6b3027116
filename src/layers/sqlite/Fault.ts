import { resolve } from "node:path"
import type { StorageError } from "../../services/StorageError.ts"

type Reason = StorageError["reason"]
type Storage = StorageError["storage"]

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

/** A row that no row of ours can be. */
export class Misshapen extends Error {}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null

/** Primary result codes of SQLite (https://www.sqlite.org/rescode.html): the low byte of an extended one. */
const primary = {
  logic: 1,
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

/** Where a journal is lost, the same answers cost money again; a store comes back from its journal for nothing. */
const restore: Readonly<Record<Storage, string>> = {
  store:
    "Restore it from a backup; or move it away and run the same command again: answers that are in the journal are not paid for again.",
  journal: "Restore it from a backup; or move it away, and every answer is asked, and paid, again."
}

const damaged = (storage: Storage, file: string, detail: string): FaultData => ({
  reason: "corrupt",
  retryable: false,
  message: `${file} is damaged (${detail}). ${restore[storage]}`
})

const sqliteFault = (storage: Storage, file: string, code: number, detail: string): FaultData => {
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
      return damaged(storage, file, detail)
    case primary.notADatabase:
      return {
        reason: "corrupt",
        retryable: false,
        message: `${file} is not an SQLite database, or its beginning is damaged; it was left alone. ${restore[storage]} Or choose another file.`
      }
    case primary.io:
      return {
        reason: "failed",
        retryable: false,
        message: `Reading or writing ${file} failed (${detail}). Check the disk, then run the same command again.`
      }
    default:
      return unknown(file, detail)
  }
}

const systemReasons: Readonly<Record<string, Reason>> = {
  EACCES: "readonly",
  EPERM: "readonly",
  EROFS: "readonly",
  ENOSPC: "full",
  EDQUOT: "full"
}

const unknown = (file: string, detail: string): FaultData => ({
  reason: "failed",
  retryable: false,
  message: `${file} cannot be used (${detail}). \`sluice doctor\` says whether it is damaged; what was committed is kept.`
})

/** What a thrown value means, for a person; `name`: of the database's file. */
export const faultData = (storage: Storage, name: string, error: unknown): FaultData => {
  const file = name === ":memory:" ? name : resolve(name)
  if (error instanceof Fault) return { reason: error.reason, retryable: error.retryable, message: error.message }
  const detail = error instanceof Error ? error.message : String(error)
  if (error instanceof Misshapen) return damaged(storage, file, detail)
  if (isRecord(error)) {
    if (error["code"] === "ERR_SQLITE_ERROR" && typeof error["errcode"] === "number") {
      return sqliteFault(storage, file, error["errcode"], detail)
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
  return unknown(file, detail)
}

const hasCode = (error: unknown, code: number): boolean =>
  isRecord(error) &&
  error["code"] === "ERR_SQLITE_ERROR" &&
  typeof error["errcode"] === "number" &&
  (error["errcode"] & 0xff) === code

export const isBusy = (error: unknown): boolean => hasCode(error, primary.busy)

/** A statement that the tables do not fit. */
export const isLogic = (error: unknown): boolean => hasCode(error, primary.logic)

/** The file, or what belongs beside it, cannot be opened or written. */
export const isBarred = (error: unknown): boolean =>
  [primary.open, primary.readonly, primary.permission].some((code) => hasCode(error, code))
