// What the page's parts hand to each other. Nothing here runs.

/**
 * @typedef {"queued" | "started" | "completed" | "failed"} VersionStatus
 *
 * @typedef {object} Word
 * @property {number} start seconds from the recording's beginning
 * @property {number} end
 * @property {string} text
 * @property {number} confidence 0 to 1
 *
 * @typedef {object} Segment
 * @property {number} index
 * @property {number} start
 * @property {number} end
 * @property {string} text
 * @property {number} confidence
 * @property {Word[]} [words]
 *
 * @typedef {object} TextPart
 * @property {string} text
 * @property {boolean} match
 *
 * @typedef {object} Recording A recording as the list knows it, of the version that is shown.
 * @property {string} id
 * @property {string} source
 * @property {string} channel
 * @property {import("./names.js").Called} called what people call them
 * @property {Date} time
 * @property {number} version 0 before any is known
 * @property {VersionStatus} status
 * @property {Segment[]} segments by index; those that never came are holes
 * @property {{text: string, segments: number, confidence: number | null} | null} base what the
 *   history said of the first segments
 * @property {number | null} duration seconds
 * @property {boolean} urgent
 * @property {number | null} confidence
 * @property {boolean} review whether somebody should listen
 * @property {boolean} corrected whether the version was made by hand
 * @property {boolean} silent whether its audio was deleted
 * @property {string} worker
 * @property {string} reason why it failed
 * @property {string} notes
 * @property {TextPart[]} snippet where a search found it
 * @property {Set<string>} alerts keywords that were heard in it
 * @property {boolean} stale whether its words are those of an older version, and must be read
 *
 * @typedef {object} EchoEvent An event as `GET /v1/events` sends it.
 * @property {string} type
 * @property {string} recording
 * @property {number} version
 * @property {string} source
 * @property {string} channel
 * @property {string} time
 * @property {number} index
 * @property {number} start
 * @property {number} end
 * @property {string} text
 * @property {number} confidence
 * @property {Word[]} [words]
 * @property {number} duration
 * @property {number} processing
 * @property {string} lane
 * @property {string} worker
 * @property {string} model
 * @property {string} reason
 * @property {string} what
 * @property {string} by
 * @property {Record<string, unknown>} [metadata]
 *
 * @typedef {object} Found A recording as `GET /v1/recordings` lists it.
 * @property {string} id
 * @property {string} source
 * @property {string} channel
 * @property {string} [start]
 * @property {string} received
 * @property {number} duration
 * @property {VersionStatus} status
 * @property {number | null} version
 * @property {boolean} corrected
 * @property {number | null} confidence
 * @property {boolean} needs_review
 * @property {string | null} model
 * @property {string} text
 * @property {boolean} text_cut
 * @property {number} segments
 * @property {TextPart[]} snippet
 * @property {string | null} audio_deleted
 * @property {Record<string, unknown>} [metadata]
 *
 * @typedef {object} FoundPage
 * @property {Found[]} recordings
 * @property {string | null} next
 * @property {string | null} last_event_id
 *
 * @typedef {object} Filter Which channels are listed; an empty name is any, `*` any characters.
 * @property {string} source
 * @property {string} channel
 *
 * @typedef {object} Transcript
 * @property {string} recording
 * @property {number} version
 * @property {number} duration
 * @property {string} model
 * @property {string | null} language
 * @property {string} created
 * @property {string} text
 * @property {Segment[]} segments
 *
 * @typedef {object} Version A version as `GET /v1/recordings/{id}` lists it.
 * @property {number} version
 * @property {VersionStatus} status
 * @property {"model" | "correction"} [kind]
 * @property {string} [reason]
 * @property {{requested: string, options: {model?: string}, correction?: {base: number, by?: string}}} [request]
 *
 * @typedef {object} SystemStatus As `GET /v1/status` gives it.
 * @property {string} version
 * @property {"connected" | "away"} bus
 * @property {{epoch: string, first: number, last: number} | null} events
 * @property {Record<string, number> | null} lanes
 * @property {Record<string, string>[]} workers
 * @property {number | null} dead
 * @property {number} readers
 * @property {string} ingest
 * @property {boolean} locked
 * @property {string[]} scopes
 */

export {};
