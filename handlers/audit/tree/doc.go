// Package tree is the mathematics of tamper evidence: what of a log's message is
// hashed, how the hashes form a Merkle tree, what is signed of it, and how a stranger
// checks a proof. It reaches nothing: bytes in, bytes out.
//
// # Words
//
// A leaf is one message of a log in the encoding of [AppendLeaf]; the leaf of position
// p has the index p-1. The tree over the first n leaves is that of certificate
// transparency (RFC 6962). A head is the hash of the whole tree at one size; a signed
// head is what certificate transparency calls a signed tree head and C2SP a checkpoint
// (c2sp.org/tlog-checkpoint). It is not called a checkpoint here, because that word is
// taken: it is how far a projection has come. A tile is 256 neighbouring hashes of one
// level, as it is kept, so that no proof has to read all leaves. A bundle is messages
// with everything that proves them to somebody who has nothing but the public key.
//
// # Promises
//
//   - Two messages have the same leaf exactly when their log, position, recorded time,
//     subject, headers and data are the same. Headers are compared as every reader of a
//     message sees them: their names and values, the values of one name in their order.
//     The order of different names, and the spaces around a value, are the broker's.
//   - The encoding of a leaf, a signed head and a bundle never changes under its
//     version; golden files hold each.
//   - Whoever knows the public key and a signed head finds any change to the messages
//     that the head covers.
//
// # Not promised
//
// Who holds the signing key can sign any history that contradicts no signed head that
// others have seen. That is why heads should be sent to somebody else.
//
// # Decisions
//
// Heads are plain C2SP checkpoints without extension lines, which the format advises
// against. One Ed25519 key signs for both logs: C2SP wants the name of the key to be the
// origin of the log, so the same key stands under one name for each, which [Key] makes
// of the installation's public key.
//
// It imports the standard library, domain, and tlog and note of golang.org/x/mod/sumdb,
// which are the tree and the signatures of Go's own checksum database.
package tree
