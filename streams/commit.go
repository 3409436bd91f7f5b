package streams

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/synadia-io/orbit.go/jetstreamext"

	"github.com/tillstream/tillstream/domain"
)

// Group commit. While one commit is under way, arriving groups wait; when it ends,
// all that wait form the next one. Nobody waits for company: an idle log commits
// what arrives at once, and a busy one batches by itself.
//
// With fsync on, opening and closing an atomic batch costs as much as a dozen
// plain publishes, which are fsynced one by one. So few single events are
// published plainly and everything else goes into a batch.
//
// Measured and left out, with 64 callers, fsync on: waiting up to a millisecond for
// those just answered to come back changed nothing beyond noise; two commits in
// flight cost a quarter of the throughput for groups of eight, because the server
// works on one stream in one goroutine and the commits only become smaller.
const (
	plainBelow = 12 // events
	// maxBatch trades throughput for latency: an event waits for at most the batch
	// before its own.
	maxBatch = MaxGroup
	// maxBulk is likewise what a commit of bulk takes, and maxBulkBetween what it takes
	// when somebody was answered less than between ago: the next one waits for that much,
	// here and wherever the log is read, or for one group that is larger. By
	// BenchmarkSaleDuringImport, everything linked, a sale's worst is 600 to 770 ms with
	// it and 710 to 1,090 ms without, and an import among sales takes a quarter longer.
	maxBulk        = 500
	maxBulkBetween = 100
	between        = time.Second
	// maxBatchBytes bounds what the server has to stage at once. One group may
	// exceed it.
	maxBatchBytes = 8 << 20
	// electionPatience is how long a log may be without a leader before appends are
	// refused. Servers that lost theirs start to elect another after 4 to 9 s.
	electionPatience = 12 * time.Second
)

// group is what one caller appends.
type group struct {
	ctx     context.Context
	entries []*entry
	err     error
	done    chan struct{} // closed when entries or err hold the answer
}

// entry is one event of a group and, in the end, where it lies.
type entry struct {
	id        string
	msg       *nats.Msg
	position  domain.Position
	duplicate bool
}

func (e *entry) stored() bool { return e.position > 0 }

func (g *group) finish(err error) {
	g.err = err
	close(g.done)
}

// enqueue puts a group behind those that wait in one of the queues.
func (l *Log) enqueue(g *group, queue *[]*group) error {
	if err := g.ctx.Err(); err != nil {
		return &UnknownOutcomeError{Err: err}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return l.conn.translate(nats.ErrConnectionClosed)
	}
	*queue = append(*queue, g)
	if !l.running {
		l.running = true
		l.conn.committers.Add(1)
		go l.commitAll()
	}
	return nil
}

// wait returns when the group has its answer, or a context ends.
func (g *group) wait(ctx context.Context) error {
	select {
	case <-g.done:
		return g.err
	case <-g.ctx.Done():
		return &UnknownOutcomeError{Err: g.ctx.Err()}
	case <-ctx.Done():
		return &UnknownOutcomeError{Err: ctx.Err()}
	}
}

// close lets no more groups in; those that wait are still committed.
func (l *Log) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
}

// commitAll commits until nothing waits. There is one of it per log at a time,
// which is what keeps the order.
func (l *Log) commitAll() {
	defer l.conn.committers.Done()
	for {
		groups := l.take()
		if len(groups) == 0 {
			return
		}
		l.commit(groups)
	}
}

// take removes the next commit's groups from a queue, in order: bulk when nothing
// else waits, and when the commit before left it waiting. What somebody waits for
// shares no commit with bulk, which it would have to wait for.
func (l *Log) take() []*group {
	l.mu.Lock()
	defer l.mu.Unlock()
	queue, most := &l.queue, maxBatch
	if len(l.queue) > 0 || l.urgent {
		l.asked = time.Now()
	}
	if len(l.queue) == 0 || l.bulkNext && len(l.bulk) > 0 {
		queue, most = &l.bulk, maxBulk
		if time.Since(l.asked) < between {
			most = maxBulkBetween
		}
	}
	groups := fill(*queue, most)
	if *queue = (*queue)[len(groups):]; len(*queue) == 0 {
		*queue = nil // and with it what was taken
	}
	l.urgent = queue == &l.queue && len(groups) > 0
	l.bulkNext = l.urgent && len(l.bulk) > 0
	l.running = len(groups) > 0
	return groups
}

// fill returns the groups at the beginning of a queue that fit into one commit. The
// first always does.
func fill(queue []*group, most int) []*group {
	ids := map[string]bool{} // none may stand twice, since the server would refuse that
	events, bytes := 0, 0
	for i, g := range queue {
		again := false
		for _, e := range g.entries {
			bytes += len(e.msg.Data)
			again = again || ids[e.id]
		}
		events += len(g.entries)
		if i > 0 && (again || events > most || bytes > maxBatchBytes) {
			return queue[:i]
		}
		for _, e := range g.entries {
			ids[e.id] = true
		}
	}
	return queue
}

// commit brings every group to an answer. An attempt that got none is made again
// for those who still wait; the server knows the ids, so nothing is stored twice.
func (l *Log) commit(groups []*group) {
	for attempt := 0; ; attempt++ {
		groups = l.waiting(groups)
		if len(groups) == 0 {
			return
		}
		missing := unstored(groups)
		err := l.conn.hasRoom(storedSize(missing))
		if err != nil {
			// What the server does when it runs out of room is not all or nothing.
		} else if len(missing) < plainBelow && singles(groups) {
			err = l.publishPlain(missing)
		} else if err = l.publishBatch(missing); apiCode(err) == codeDuplicateInBatch {
			err = l.findStored(missing)
		}
		if err == nil {
			l.leaderless = leaderless{} // another election has its own time
		}
		groups = l.answer(groups)
		if len(groups) == 0 {
			return
		}
		if final := l.final(err); final != nil {
			for _, g := range groups {
				g.finish(final)
			}
			return
		}
		if err != nil || attempt > 0 { // the first repetition after a look for duplicates is a new commit
			l.pause(groups, attempt)
		}
	}
}

// answer finishes the groups whose events all lie in the log and returns the rest.
func (l *Log) answer(groups []*group) []*group {
	var rest []*group
	for _, g := range groups {
		var reused error
		complete := true
		for _, e := range g.entries {
			if !e.stored() {
				complete = false
			} else if e.duplicate {
				same, err := l.isStoredAt(e)
				if err != nil {
					complete = false // ask again with the next attempt
					e.position, e.duplicate = 0, false
				} else if !same {
					reused = &domain.ReusedIDError{ID: domain.EventID(e.msg.Header.Get(attributePrefix + "id")), Position: e.position}
				}
			}
		}
		switch {
		case reused != nil:
			g.finish(reused)
		case complete:
			g.finish(nil)
		default:
			rest = append(rest, g)
		}
	}
	return rest
}

// publishPlain publishes single events one by one, pipelined, and notes the
// answers. The error is that of one event without an answer.
func (l *Log) publishPlain(entries []*entry) error {
	futures := make([]jetstream.PubAckFuture, len(entries))
	var failed error
	for i, e := range entries {
		stripBatch(e.msg.Header)
		e.msg.Reply = "" // an earlier attempt may have left one
		f, err := l.conn.js.PublishMsgAsync(e.msg)
		if err != nil {
			failed = err
			continue
		}
		futures[i] = f
	}
	for i, f := range futures {
		if f == nil {
			continue
		}
		select {
		case ack := <-f.Ok():
			entries[i].position, entries[i].duplicate = domain.Position(ack.Sequence), ack.Duplicate
		case err := <-f.Err():
			failed = err
		}
	}
	return failed
}

// publishBatch publishes events all or none.
func (l *Log) publishBatch(entries []*entry) error {
	msgs := make([]*nats.Msg, len(entries))
	for i, e := range entries {
		e.msg.Reply = "" // an earlier attempt may have left one
		msgs[i] = e.msg
	}
	ctx, cancel := context.WithTimeout(l.conn.ctx, ackWait)
	defer cancel()
	ack, err := jetstreamext.PublishMsgBatch(ctx, l.conn.js, msgs)
	if err != nil {
		return err
	}
	for i, e := range entries {
		e.position = domain.Position(ack.Sequence - uint64(len(entries)-1-i))
	}
	return nil
}

// findStored asks which events of a batch the log holds already, without storing
// the others: the server looks for a known message id before it looks at a rollup,
// which the logs do not permit and of which there is no kind "none".
//
// An expected last message id would do for a single server. To a replicated stream it is
// poison: 2.15.3 compares it only when the message is in the Raft log already, takes
// the mismatch for a failed write, and every server gives the stream up, after each
// restart anew.
func (l *Log) findStored(entries []*entry) error {
	futures := make([]jetstream.PubAckFuture, len(entries))
	var failed error
	for i, e := range entries {
		probe := &nats.Msg{Subject: e.msg.Subject, Header: nats.Header{
			jetstream.MsgIDHeader: {e.id},
			jetstream.MsgRollup:   {"none"},
		}}
		f, err := l.conn.js.PublishMsgAsync(probe)
		if err != nil {
			failed = err
			continue
		}
		futures[i] = f
	}
	for i, f := range futures {
		if f == nil {
			continue
		}
		select {
		case ack := <-f.Ok():
			entries[i].position, entries[i].duplicate = domain.Position(ack.Sequence), ack.Duplicate
		case err := <-f.Err():
			if apiCode(err) != codeRollupFailed {
				failed = err
			}
		}
	}
	return failed
}

// isStoredAt compares an event with what lies at the position that the server
// named for its id.
func (l *Log) isStoredAt(e *entry) (bool, error) {
	ctx, cancel := context.WithTimeout(l.conn.ctx, ackWait)
	defer cancel()
	stored, err := l.conn.messageAt(ctx, l.stream, uint64(e.position))
	if err != nil {
		return false, err
	}
	return sameEvent(e.msg, stored.Subject, stored.Header, stored.Data), nil
}

// final decides whether an attempt's error ends the matter. Silence does not,
// unless there is a reason to be found for it; nor does an election.
func (l *Log) final(err error) error {
	if err == nil || l.electing(err) {
		return nil
	}
	silent := errors.Is(err, nats.ErrTimeout) || errors.Is(err, context.DeadlineExceeded) ||
		errors.Is(err, jetstream.ErrAsyncPublishTimeout) || errors.Is(err, nats.ErrDisconnected) ||
		errors.Is(err, nats.ErrConnectionReconnecting) || errors.Is(err, nats.ErrReconnectBufExceeded) || errors.Is(err, jetstream.ErrTooManyStalledMsgs) ||
		apiCode(err) == codeIncompleteBatch
	if silent {
		if reason := l.conn.diagnose(); reason != nil {
			return fmt.Errorf("append to %s: %w", l.stream, reason)
		}
		return nil
	}
	return fmt.Errorf("append to %s: %w", l.stream, l.conn.translate(err))
}

// leaderless is since when a log is without a leader, and when that was seen last.
type leaderless struct{ since, last time.Time }

// electing reports whether err is what a cluster answers while it elects a leader
// for the log, and this has not lasted too long. When nobody is ever elected, only
// those who append at first wait for it.
func (l *Log) electing(err error) bool {
	code := apiCode(err)
	without := errors.Is(err, nats.ErrNoResponders) || errors.Is(err, jetstream.ErrNoStreamResponse) ||
		code == codeClusterNotAvailable || code == codeClusterNotLeader
	if l.conn.cfg.embedded() || !without {
		return false
	}
	now := time.Now()
	if now.Sub(l.leaderless.last) > electionPatience { // all who waited may have gone meanwhile
		l.leaderless.since = now
	}
	l.leaderless.last = now
	return now.Sub(l.leaderless.since) < electionPatience
}

// pause waits before the next attempt, not longer than anybody waits for it.
func (l *Log) pause(groups []*group, attempt int) {
	timer := time.NewTimer(min(50*time.Millisecond<<min(attempt, 5), time.Second))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-l.conn.ctx.Done():
	case <-groups[0].ctx.Done():
	}
}

// waiting drops the groups whose callers have gone.
func (l *Log) waiting(groups []*group) []*group {
	var rest []*group
	for _, g := range groups {
		if err := g.ctx.Err(); err != nil {
			g.finish(&UnknownOutcomeError{Err: err})
			continue
		}
		rest = append(rest, g)
	}
	return rest
}

func unstored(groups []*group) []*entry {
	var out []*entry
	for _, g := range groups {
		for _, e := range g.entries {
			if !e.stored() {
				out = append(out, e)
			}
		}
	}
	return out
}

// recordOverhead is about what the server stores with a message, rather more than
// less: the record's own, and the headers of a batch.
const recordOverhead = 256

// storedSize is about what the server stores for events, rather more than less.
func storedSize(entries []*entry) int {
	n := 0
	for _, e := range entries {
		n += messageSize(e.msg) + recordOverhead
	}
	return n
}

// singles reports whether no group has more than one event still to store, so that
// none could be stored in part.
func singles(groups []*group) bool {
	for _, g := range groups {
		n := 0
		for _, e := range g.entries {
			if !e.stored() {
				n++
			}
		}
		if n > 1 {
			return false
		}
	}
	return true
}

// stripBatch removes what an earlier attempt as part of a batch left behind.
func stripBatch(h nats.Header) {
	delete(h, jetstreamext.BatchIDHeader)
	delete(h, jetstreamext.BatchSeqHeader)
	delete(h, jetstreamext.BatchCommitHeader)
}

// sameJSON compares two documents, white space aside.
func sameJSON(a, b []byte) bool {
	if bytes.Equal(a, b) {
		return true
	}
	var ca, cb bytes.Buffer
	return json.Compact(&ca, a) == nil && json.Compact(&cb, b) == nil && bytes.Equal(ca.Bytes(), cb.Bytes())
}
