// Package audit makes the logs tamper evident, and finds out whether an installation is
// what it says it is.
//
// A [Keeper] follows both logs, off the way of an append, and covers them with a tree
// each (package tree says what of a message is in it). Complete tiles of hashes go to
// the TILES stream; signed heads to the HEADS log, and to whoever else should have them
// ([Receiver]). A [Verifier] reads everything again and says what it finds as coded
// checks. [Export] copies the logs into one archive, and [Restore] makes an empty
// installation of it.
//
// # Promises
//
//   - A head is signed only for messages that the broker has acknowledged, and only when
//     the tree continues every head that this key has signed before. What contradicts
//     one is told of by [Keeper.Status], and nothing is signed any more.
//   - With heads that others keep, altered, dropped, inserted, reordered and rewritten
//     messages are found. The first position that is not what was recorded is named when
//     the tiles are there, and otherwise the two heads that it lies between.
//   - Memory grows neither with the messages nor with the heads. Verifying the fold
//     takes some hundred bytes for each product, and a file as large as their states.
//   - An archive is checked whole before anything of it is written, and what was written
//     is read back and compared.
//
// # Not promised
//
// What was appended after the newest head is covered by nothing yet: for at most
// [Keeper.Every]. And who holds both the broker and the signing key can make a new
// history and sign it; only heads that are out of their reach convict them.
//
// It imports domain, projections, streams, handlers, backoff, the hashes and signatures
// of golang.org/x/mod/sumdb, and zstd.
package audit
