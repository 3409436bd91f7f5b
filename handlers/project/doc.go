// Package project follows the POS log and keeps the catalog: it folds every event
// in the order of the log, stores the snapshots, and puts aside what cannot be
// folded.
//
// # Promises
//
//   - Every message of the log ends as folded, superseded, duplicate or dead
//     letter. Its position is checkpointed only when that is stored, so a crash
//     repeats work and loses none.
//
//   - A message that cannot be used has one dead letter, which holds it whole,
//     however often it is read. When it may have changed its item, the item is
//     quarantined in the SYNC log before the position is checkpointed: its later
//     events still fold, because stamps order them, but nothing of it is pushed.
//
//   - A quarantine ends when an event with the id of the letter's message is
//     folded after all, or when somebody drops the letter.
//
//   - While the broker is away it waits, says so ([Handler.Problem]) and goes on
//     where it was. What is no hiccup of the broker ends [Handler.Run].
//
//   - Snapshots are grouped while folding goes on: as many events as have come are
//     folded while the last group is being stored, so an idle log is projected at
//     once and a busy one in large groups.
//
//   - [Handler.Build] folds the log into a catalog of its own beside one at work, on as
//     many processors as there are, and comes to the same: byte for byte, however
//     often it is interrupted. It changes nothing that the one at work goes by until
//     [Handler.Settle].
//
// It does not promise that only one process does this: a lease is its owner's
// business.
//
// It imports the standard library, domain, projections, streams and
// cenkalti/backoff.
package project
