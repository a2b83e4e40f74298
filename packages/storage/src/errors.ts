import { type ErrorCatalog, SteadError, type SteadErrorOptions } from '@stead/core'

/** Codes of {@link StorageError}. */
export type StorageErrorCode =
  | 'STORAGE_TOO_FEW_PIECES'
  | 'STORAGE_TOO_FEW_NODES'
  | 'STORAGE_SEGMENT_UNKNOWN'
  | 'STORAGE_NOT_AUTHENTIC'
  | 'STORAGE_NO_ROOM'
  | 'STORAGE_PIECE_UNKNOWN'
  | 'STORAGE_PIECE_DIFFERS'
  | 'STORAGE_PIECE_INCOMPLETE'
  | 'STORAGE_PIECE_DAMAGED'
  | 'STORAGE_BAD_PHRASE'
  | 'STORAGE_PLACE_TAKEN'
  | 'STORAGE_AGREEMENT_UNKNOWN'
  | 'STORAGE_AGREEMENT_ENDED'
  | 'STORAGE_CLOCK_AHEAD'
  | 'STORAGE_AGREEMENT_DIFFERS'
  | 'STORAGE_RUNWAY'
  | 'STORAGE_NOT_PROVEN'
  | 'STORAGE_UNPAID'
  | 'STORAGE_NO_CHALLENGE'
  | 'STORAGE_OPERATOR_KEY'
  | 'STORAGE_BUSY'
  | 'STORAGE_FINISHING'
  | 'STORAGE_UNSUPPORTED'
  | 'STORAGE_BAD_NAME'
  | 'STORAGE_BUCKET_UNKNOWN'
  | 'STORAGE_BUCKET_EXISTS'
  | 'STORAGE_BUCKET_NOT_EMPTY'
  | 'STORAGE_OBJECT_UNKNOWN'
  | 'STORAGE_UPLOAD_UNKNOWN'
  | 'STORAGE_PART_UNKNOWN'
  | 'STORAGE_CONDITION'
  | 'STORAGE_BAD_RANGE'
  | 'STORAGE_OLD_ROOT'
  | 'STORAGE_ROOT_AWAY'
  | 'STORAGE_ROOT_UNKNOWN'
  | 'STORAGE_WRITE_LATE'
  | 'STORAGE_BAD_LINK'
  | 'STORAGE_SHARE_ENDED'
  | 'STORAGE_SHARE_EXPIRED'
  | 'STORAGE_SHARE_UNKNOWN'
  | 'STORAGE_SHARE_LIMIT'
  | 'STORAGE_SHARE_AWAY'
  | 'STORAGE_SHARE_FILLING'
  | 'STORAGE_GRANT_ENDED'
  | 'STORAGE_GRANT_SPENT'
  | 'STORAGE_GRANT_AWAY'
  | 'STORAGE_CARE_UNKNOWN'
  | 'STORAGE_CARE_NOT_OFFERED'
  | 'STORAGE_CARE_DIFFERS'

/** What each code of this package means. */
export const storageErrorCatalog: ErrorCatalog<StorageErrorCode> = {
  STORAGE_TOO_FEW_PIECES: {
    kind: 'peer',
    retryable: true,
    meaning: 'Fewer pieces of a segment can be had now than it takes to put it together.',
    next: 'Try again when more of its nodes are back; what is put goes to others.',
  },
  STORAGE_TOO_FEW_NODES: {
    kind: 'peer',
    retryable: true,
    meaning: 'Fewer nodes of different operators and places offer storage than the profile needs.',
    next: 'Wait for more offers, allow a higher price, or choose a smaller profile: stead up --storage-profile 2-of-3',
  },
  STORAGE_SEGMENT_UNKNOWN: {
    kind: 'peer',
    retryable: true,
    meaning: 'A segment is not kept any more: it was released.',
    next: 'Read again: the object may have been replaced meanwhile.',
  },
  STORAGE_NOT_AUTHENTIC: {
    kind: 'peer',
    retryable: true,
    meaning: 'Bytes that came from the network are not those that were stored, or the key is another one.',
    next: 'Read again: other nodes are asked. If it stays, check the recovery phrase.',
  },
  STORAGE_NO_ROOM: {
    kind: 'peer',
    retryable: true,
    meaning: 'A node has no room left of what its operator shares; nothing was written.',
    next: 'Another node is chosen; operators can share more room or compact: stead doctor',
  },
  STORAGE_PIECE_UNKNOWN: {
    kind: 'peer',
    retryable: false,
    meaning: 'A node does not have this piece.',
    next: 'Read from other nodes; repair puts a new piece somewhere else.',
  },
  STORAGE_PIECE_DIFFERS: {
    kind: 'user',
    retryable: false,
    meaning: 'Another piece is kept under this name already.',
    next: 'Give each piece a name of its own, or delete the old one first.',
  },
  STORAGE_PIECE_INCOMPLETE: {
    kind: 'peer',
    retryable: true,
    meaning:
      'A part of a piece does not follow on what the node has of it: the node was restarted, or had waited too long.',
    next: 'Send the piece again from its beginning.',
  },
  STORAGE_PIECE_DAMAGED: {
    kind: 'peer',
    retryable: false,
    meaning: 'The disk does not give back what was written; the piece counts as lost, not as a lie.',
    next: 'Read from other nodes; operators should check the disk.',
  },
  STORAGE_BAD_PHRASE: {
    kind: 'user',
    retryable: false,
    meaning: 'The recovery phrase is not one that was made here.',
    next: 'Compare each of the 24 words, and their order, with what was written down.',
  },
  STORAGE_PLACE_TAKEN: {
    kind: 'user',
    retryable: false,
    meaning: "Another machine signs with this one's key: it took its place (stead recover), or this disk was put back.",
    next: 'Stop this machine for good: two with one key contradict each other. To work beside the other one: stead recover --beside --phrase-file <file> --data-dir <new folder>. If there is no other, stop the node, and in its folder: stead recover --phrase-file <file>',
  },
  STORAGE_AGREEMENT_UNKNOWN: {
    kind: 'peer',
    retryable: false,
    meaning: 'A node does not know this agreement, or it is between others.',
    next: 'Agree anew; pieces that it kept count as lost and are repaired.',
  },
  STORAGE_AGREEMENT_ENDED: {
    kind: 'peer',
    retryable: false,
    meaning: 'A node ended this agreement, because nobody paid for it, and signs no revision of it any more.',
    next: 'Agree anew under the next number; pieces that it kept count as lost and are repaired.',
  },
  STORAGE_CLOCK_AHEAD: {
    kind: 'peer',
    retryable: true,
    meaning: 'A revision is of a time that has not come yet by the clock of the node.',
    next: 'The payer signs by the time of the node from now on. Set the clock of this machine: timedatectl status',
  },
  STORAGE_AGREEMENT_DIFFERS: {
    kind: 'peer',
    retryable: false,
    meaning: 'A revision is not what follows from the one before by the books of the other side.',
    next: 'Ask how the agreement stands, then go on from there.',
  },
  STORAGE_RUNWAY: {
    kind: 'peer',
    retryable: false,
    meaning: 'A channel has too little money left to keep so much for as long as the node asks.',
    next: 'Lock more money for this node, then send the revision again.',
  },
  STORAGE_NOT_PROVEN: {
    kind: 'peer',
    retryable: false,
    meaning: 'A node did not show the leaves that it was asked for: it lied, and is not paid for this period.',
    next: 'Its pieces are repaired elsewhere; what it signed is kept as evidence.',
  },
  STORAGE_UNPAID: {
    kind: 'peer',
    retryable: false,
    meaning: 'What a node proved last is not on a bill yet, and it signs nothing else before it is.',
    next: 'Settle that period again, on this channel or another one.',
  },
  STORAGE_NO_CHALLENGE: {
    kind: 'user',
    retryable: false,
    meaning: 'A node cannot be asked on chain to prove what it keeps; the details say why.',
    next: 'See the nodes and what they signed: stead usage',
  },
  STORAGE_OPERATOR_KEY: {
    kind: 'user',
    retryable: true,
    meaning: 'A challenge is about an old revision of an agreement, and the later one must be shown by the operator.',
    next: "Start the node with the operator's key before the deadline: --operator-key <file>",
  },
  STORAGE_BUSY: {
    kind: 'peer',
    retryable: true,
    meaning: 'A node takes no more of this now: too much is in flight or waits to be agreed.',
    next: 'Try again in a moment, or send less at once.',
  },
  STORAGE_FINISHING: {
    kind: 'peer',
    retryable: false,
    meaning: 'A node takes nothing new, because its operator pauses it or leaves.',
    next: 'Another node is chosen; what it keeps stays readable until it leaves.',
  },
  STORAGE_UNSUPPORTED: {
    kind: 'peer',
    retryable: false,
    meaning: 'A request asks for nothing that is known here.',
    next: 'Update the node that is older.',
  },
  STORAGE_BAD_NAME: {
    kind: 'user',
    retryable: false,
    meaning: 'A bucket or an object cannot have this name.',
    next: 'Buckets: 3 to 63 of a-z, 0-9, dots and dashes, a letter or digit first and last. Keys: 1 to 1024 bytes of UTF-8.',
  },
  STORAGE_BUCKET_UNKNOWN: {
    kind: 'user',
    retryable: false,
    meaning: 'There is no bucket of this name.',
    next: 'See which there are: stead ls; one is made by: stead put <file> stead://<bucket>/',
  },
  STORAGE_BUCKET_EXISTS: {
    kind: 'user',
    retryable: false,
    meaning: 'There is a bucket of this name already.',
    next: 'Use it, or choose another name.',
  },
  STORAGE_BUCKET_NOT_EMPTY: {
    kind: 'user',
    retryable: false,
    meaning: 'The bucket holds objects, versions of them, or uploads that were not finished.',
    next: 'Remove them first: stead rm -r',
  },
  STORAGE_OBJECT_UNKNOWN: {
    kind: 'user',
    retryable: false,
    meaning: 'There is no object, or no version, of this name.',
    next: 'See which there are: stead ls stead://<bucket>',
  },
  STORAGE_UPLOAD_UNKNOWN: {
    kind: 'user',
    retryable: false,
    meaning: 'There is no upload of this id: it was finished or given up.',
    next: 'Begin another one.',
  },
  STORAGE_PART_UNKNOWN: {
    kind: 'user',
    retryable: false,
    meaning: 'A part that the upload was to be made of is not there, or is another one.',
    next: 'Send the part again, then finish the upload.',
  },
  STORAGE_BAD_RANGE: {
    kind: 'user',
    retryable: false,
    meaning: 'The object ends before the bytes that were asked for begin.',
    next: 'See how long it is: stead ls stead://<bucket>',
  },
  STORAGE_CONDITION: {
    kind: 'user',
    retryable: false,
    meaning: 'The object is not what the write was said to replace; somebody else wrote it meanwhile.',
    next: 'Read it again, and decide anew.',
  },
  STORAGE_OLD_ROOT: {
    kind: 'peer',
    retryable: true,
    meaning: 'The nodes that keep the root of a bucket gave an older one than they gave before.',
    next: 'Try again: other nodes are asked. If it stays, too few of the nodes that know the newest root are there.',
  },
  STORAGE_ROOT_AWAY: {
    kind: 'peer',
    retryable: true,
    meaning: 'Too few of the nodes that keep the root of a bucket answer to say which root is the newest.',
    next: 'Wait until more of them are back; meanwhile this machine reads what it saw last, and writes nothing. When a new machine is to recover and they are gone for good: stead recover --without-absent',
  },
  STORAGE_ROOT_UNKNOWN: {
    kind: 'peer',
    retryable: true,
    meaning: 'No node that can be found keeps anything under this recovery phrase.',
    next: 'Check the words, and that this machine is in the right network; then try again, since finding takes a while.',
  },
  STORAGE_WRITE_LATE: {
    kind: 'user',
    retryable: true,
    meaning: 'The body of a write stalled for so long that what came of it may have been cleaned away.',
    next: 'Write it again; an upload in parts keeps what has come.',
  },
  STORAGE_BAD_LINK: {
    kind: 'user',
    retryable: false,
    meaning: 'What was given is no link to a share, or not all of one.',
    next: 'Copy the link again, all of it; or ask whoever sent it for another one.',
  },
  STORAGE_SHARE_ENDED: {
    kind: 'user',
    retryable: false,
    meaning: 'The owner took the share back, or its time is over.',
    next: 'Ask the owner for another link.',
  },
  STORAGE_SHARE_EXPIRED: {
    kind: 'user',
    retryable: false,
    meaning: 'The time that a share or a link was made for is over.',
    next: 'Ask whoever sent the link for another one.',
  },
  STORAGE_SHARE_UNKNOWN: {
    kind: 'user',
    retryable: false,
    meaning: 'There is no such share, or it has ended.',
    next: 'See which there are: stead shares',
  },
  STORAGE_SHARE_LIMIT: {
    kind: 'user',
    retryable: false,
    meaning: 'The bucket has as many shares as it can have: each write looks at all of them.',
    next: 'End some of them: stead unshare; or share a folder and narrow its link.',
  },
  STORAGE_SHARE_AWAY: {
    kind: 'peer',
    retryable: true,
    meaning: 'Too few of the nodes that keep the root of a share answer, or its owner who alone knows where a part is.',
    next: 'Try again later; what the share shows stays as it is meanwhile.',
  },
  STORAGE_SHARE_FILLING: {
    kind: 'peer',
    retryable: true,
    meaning: 'A share does not show this yet: its owner is still filling it, or waits for nodes that are away.',
    next: 'Try again in a minute; the machine of its owner must be on for that.',
  },
  STORAGE_GRANT_ENDED: {
    kind: 'user',
    retryable: false,
    meaning: 'A link to write was taken back by its owner, or its time is over.',
    next: 'Ask the owner for another link.',
  },
  STORAGE_GRANT_SPENT: {
    kind: 'user',
    retryable: false,
    meaning: 'A link to write takes fewer bytes than this needs; each object counts as 4 KiB at least.',
    next: 'Ask the owner for a link that takes more: stead share --write --limit',
  },
  STORAGE_GRANT_AWAY: {
    kind: 'peer',
    retryable: true,
    meaning: 'The node of whoever made a link to write does not answer, or cannot keep more now.',
    next: 'Try again later: what was kept of a long object is not sent again. Its owner finds the reason in the log of the node.',
  },
  STORAGE_CARE_UNKNOWN: {
    kind: 'peer',
    retryable: false,
    meaning: 'A node does not look after what this payer keeps, or no node was appointed to.',
    next: 'Appoint a caretaker: stead caretaker set',
  },
  STORAGE_CARE_NOT_OFFERED: {
    kind: 'peer',
    retryable: true,
    meaning: 'No node in reach offers to look after what others keep, or the one that was named does not.',
    next: 'See who is in reach: stead peers; a node offers it with: stead up --storage-care',
  },
  STORAGE_CARE_DIFFERS: {
    kind: 'peer',
    retryable: false,
    meaning: 'A caretaker bills for something else than its evidence shows, or than it was appointed for.',
    next: 'Nothing more is accepted than was shown; see what it did, and appoint another one: stead caretaker show',
  },
}

/** An error of this package. */
export class StorageError extends SteadError<StorageErrorCode> {
  constructor(code: StorageErrorCode, message: string, options: SteadErrorOptions = {}) {
    super(storageErrorCatalog, code, message, options)
  }
}
