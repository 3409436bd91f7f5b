// Package streams is the only place that knows NATS JetStream: it starts or
// reaches a server, keeps the topology, appends to and reads from the logs,
// keeps the buckets, holds the dead letters, hands changes to Watermill handlers
// and decides who owns a lease. No exported name outside this package's wiring
// mentions a NATS type.
//
// # Promises
//
//   - [Log.Append] answers a position only for an event that the server has
//     acknowledged. The embedded server acknowledges after fsync; a cluster
//     acknowledges on a quorum.
//   - A group given to [Log.Append] is stored whole or not at all.
//   - The same event appended again inside the duplicate window is answered with
//     its first position. A different event under a known id is refused with a
//     [domain.ReusedIDError], never taken for a repetition.
//   - Events of one caller, and events of one subject, are stored in the order in
//     which they were handed over.
//   - A log refuses deletes and purges, and the embedded server refuses to let the
//     program change or remove one. [Conn.Ensure] refuses to go on when a stream is
//     not what it is declared to be.
//   - Whatever reaches a log can be read back, also when it is no event at all:
//     [Message] is raw, [Message.Recorded] decodes.
//
// # Not promised
//
//   - Exactly-once delivery: readers and handlers see an event at least once.
//   - Protection from whoever owns the data folder: its files are as safe as the
//     folder's permissions.
//   - [Connect] does not lock the data folder; [LockDataDir] does.
//
// # Decisions
//
// An atomic batch is what makes fsync affordable, and it costs about as much as a
// dozen plain publishes to open and close. So few waiting events are published
// plainly and many share a batch; see commit.go for the measured numbers.
//
// Buckets are written with fsync, in atomic batches, although all that PRODUCTS and
// PUBLICATIONS hold can be folded again from a log. The server's way to write a
// stream without fsync (persist mode async) is twice as fast and not an option
// where a stream keeps one message per subject: the server drops the old value of
// a key, and with it the file it was the last in, while the new value still waits
// in memory. What a kill or a power cut takes is then not the tail of the bucket
// but whole keys, also such as the checkpoint covers. Seen with kill -9 in one of
// four runs of TestCrash. Measured over 100,000 keys of 900 bytes, 2 cores: 48,000
// to 63,000 overwrites a second without fsync, 27,000 to 30,000 in batches of
// 1,000 with it, 2,000 one by one.
//
// The values of a bucket that is filled at once lie in pages, sixty-four in a
// message ([Bucket.PutPages]): as messages of their own, a million would cost the server
// a million subjects and be written at 27,000 to 30,000 a second, which is a fifth of
// what a rebuild folds. A page is a snapshot's place until the snapshot is written again,
// under its own subject; both lie in one stream, whose order says which is newer, and a
// bucket without pages is read as it always was.
//
// Watermill runs the handlers, and watermill-nats publishes what they give up:
// dead letters. What they react to comes by a [Subscriber] of this package, because
// that of watermill-nats v2.1.3 closes its output while it may still be sending to
// it when a subscription ends; the loser of that race panics.
//
// It imports the standard library, domain, gofrs/flock, google/uuid, klauspost/compress,
// nats.go, nats-server, orbit.go/jetstreamext, watermill, watermill-nats and x/crypto.
package streams
