// Package projections folds the two logs into what can be asked: the POS log into
// the current state of every product ([Catalog]), the SYNC log into what
// BigCommerce was told of it ([Publications]), and one item's events into its
// story ([History]).
//
// # Words
//
// A position is the sequence number of an event in its log. A snapshot is one
// value of a bucket that holds a state together with the position it is folded
// from, so that no crash can part the two. A checkpoint is the value under a
// bucket's zero key: it names the position up to which every event is in the
// snapshots of that bucket. It is written behind the snapshots it speaks of, so it
// may be older than they are and never newer.
//
// # Promises
//
//   - The same log gives the same snapshots, byte for byte, wherever a process
//     stopped in between and however the writes were grouped: folding an event
//     into a snapshot that is already past it does nothing.
//   - Snapshots are told apart by one hash ([Catalog.Tree]): equal states, equal
//     digests, whether they are stored, in memory, or on another machine. The format
//     of the snapshots is raised with every change of the fold, and a catalog is of
//     one format.
//   - What a bucket has lost from its end, the log brings back. A bucket that
//     lacks its checkpoint, or fewer snapshots than the checkpoint has counted, or
//     another format, is refused with an error that names `tillstream rebuild`.
//   - A start with a [Hint] knows what one without knows, and reads what was stored since.
//   - An item is in one product. A crash between the two writes of a move is
//     mended at the next start.
//   - Memory does not grow with the number of events. A product that nobody
//     changes costs its place in the index, some hundred bytes; states are kept
//     up to a limit, packed ([domain.Packed]).
//   - What is folded anew beside a catalog in use ([Catalog.Draft]) is stored in pages and
//     in any order. A crash meanwhile leaves what is opened as it was at a checkpoint,
//     or refused.
//   - One writer and any number of readers may use a projection at once. No reader
//     waits for the network while another holds a lock.
//
// It does not promise that a reader sees only what is stored: a state is shown as
// soon as it is folded, because the log it came from is durable.
//
// It imports the standard library, except what could reach the world outside, and
// domain. Everything else comes in through [Bucket] and [Log].
package projections
