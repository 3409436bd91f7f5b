package audit

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/handlers/audit/tree"
	"github.com/tillstream/tillstream/streams"
)

// Defaults of a [Keeper].
const (
	DefaultEvery = time.Minute
	DefaultMost  = 1 << 16
	DefaultRest  = time.Second
	DefaultDrain = 5 * time.Second
)

// Keeper covers the logs with trees and signs their heads. Make one with [NewKeeper],
// change the exported fields before [Keeper.Run], and run it once. One process at a
// time keeps the trees of a broker.
type Keeper struct {
	// Every is how long a message waits at most for a head that covers it.
	Every time.Duration
	// Most is how many messages wait at most.
	Most int64
	// Rest is how long it waits before it looks again for what is new.
	Rest time.Duration
	// Drain is how long Run may go on after its context has ended, to cover what was
	// appended last.
	Drain time.Duration
	// Receivers are sent every head, or the newest when they cannot keep up.
	Receivers []Receiver
	// Now is the clock of what is told.
	Now func() time.Time

	key  *tree.SigningKey
	logs []*keeping
}

// NewKeeper returns a keeper of both logs.
func NewKeeper(conn *streams.Conn, key *tree.SigningKey) *Keeper {
	k := &Keeper{Every: DefaultEvery, Most: DefaultMost, Rest: DefaultRest, Drain: DefaultDrain, Now: time.Now, key: key}
	for _, log := range []*streams.Log{conn.POS(), conn.Sync()} {
		k.logs = append(k.logs, &keeping{keeper: k, log: log, grove: grove{conn, log.Name()}, hurry: make(chan struct{}, 1)})
	}
	return k
}

// Signed reports whether a head is kept of one of the logs, whoever has signed it.
func Signed(ctx context.Context, conn *streams.Conn) (bool, error) {
	for _, log := range []*streams.Log{conn.POS(), conn.Sync()} {
		if _, err := conn.Heads().Last(ctx, log.Name()); !errors.Is(err, domain.ErrNotFound) {
			return err == nil, err
		}
	}
	return false, nil
}

// Look finds how far the newest heads of this key say that the logs are signed, so that the
// status knows before [Keeper.Run] has taken up the trees.
func (k *Keeper) Look(ctx context.Context) error {
	for _, l := range k.logs {
		if err := l.look(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (l *keeping) look(ctx context.Context) error {
	newest, err := l.grove.conn.Heads().Last(ctx, l.log.Name())
	if errors.Is(err, domain.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	last, err := l.log.Last(ctx)
	if err != nil {
		return err
	}
	head, err := tree.OpenHead(newest.Text, l.log.Name(), l.keeper.key.Public())
	if err != nil || head.Size > int64(last) {
		return nil // of another key, or Run says what is wrong with it
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.looked, l.signedAt = head.Size, newest.RecordedAt
	return nil
}

// Run keeps the trees until ctx ends; then it covers and signs what has come until
// then. What contradicts a signed head does not end it: the shop goes on, and
// [Keeper.Status] says so.
func (k *Keeper) Run(ctx context.Context) error {
	sending, stop := context.WithCancel(context.WithoutCancel(ctx))
	var sends, keeps sync.WaitGroup
	for _, l := range k.logs {
		for i := range k.Receivers {
			d := newDispatch(&k.Receivers[i], k.Now)
			l.mu.Lock() // the status may be asked for before
			l.dispatches = append(l.dispatches, d)
			l.mu.Unlock()
			sends.Go(func() { d.run(sending) })
		}
	}
	errs := make([]error, len(k.logs))
	for i, l := range k.logs {
		keeps.Go(func() { errs[i] = l.run(ctx) })
	}
	keeps.Wait()
	for _, l := range k.logs {
		for _, d := range l.dispatches {
			d.finish(k.Drain)
		}
	}
	stop()
	sends.Wait()
	return errors.Join(errs...)
}

// Status is where the tree of a log stands.
type Status struct {
	Log      string          `json:"log"`
	Covered  domain.Position `json:"covered"` // the tree holds everything up to here
	Signed   domain.Position `json:"signed"`  // so does the newest head; it is not held against the log before the tree is taken up
	SignedAt time.Time       `json:"signed_at,omitzero"`
	Sent     []SentStatus    `json:"sent,omitempty"`
	Problem  string          `json:"problem,omitempty"`
}

// SentStatus is what a receiver has got.
type SentStatus struct {
	To      string          `json:"to"`
	Head    domain.Position `json:"head"` // the newest that it has
	At      time.Time       `json:"at,omitzero"`
	Problem string          `json:"problem,omitempty"`
}

// Status may be called at any time.
func (k *Keeper) Status() []Status {
	out := make([]Status, len(k.logs))
	for i, l := range k.logs {
		out[i] = l.status()
	}
	return out
}

// Key is the public key of what is signed.
func (k *Keeper) Key() tree.Key { return k.key.Public() }

// keeping is the tree of one log.
type keeping struct {
	keeper     *Keeper
	log        *streams.Log
	grove      grove
	dispatches []*dispatch

	hurry  chan struct{} // asks to sign without delay
	opened bool          // the tree is taken up whole
	tree   *tree.Tree
	hasher tree.Hasher
	ahead  []tree.Head // heads that are signed and that the tree has still to come to

	mu       sync.Mutex
	covered  int64
	looked   int64 // as far as the newest head says, before the tree is taken up
	signed   tree.Head
	signedAt time.Time
	problem  string
}

// ContradictionError says that a log is not what was signed.
type ContradictionError struct {
	Log    string
	From   domain.Position // the first position that is not as it was, or of those among which it is
	To     domain.Position // the last of those; equal to From when it is known exactly
	Reason string
}

func (e *ContradictionError) Error() string {
	where := fmt.Sprintf("position %d", e.From)
	if e.To > e.From {
		where = fmt.Sprintf("a position from %d to %d", e.From, e.To)
	}
	return fmt.Sprintf("the log %s is not what was signed: %s: %s", e.Log, where, e.Reason)
}

func (l *keeping) run(ctx context.Context) error {
	pauses := backoff.NewExponentialBackOff()
	pauses.InitialInterval, pauses.MaxInterval = 100*time.Millisecond, 10*time.Second
	for {
		before := l.status().Covered
		err := l.follow(ctx)
		var contradiction *ContradictionError
		switch {
		case errors.As(err, &contradiction):
			l.say(err.Error() + "; nothing is signed any more: run tillstream verify")
			<-ctx.Done()
			return nil
		case ctx.Err() != nil:
			return l.finish(ctx)
		case l.status().Covered > before:
			pauses.Reset()
		}
		l.say(fmt.Sprintf("covering the log %s waits at position %d and tries again: %v", l.log.Name(), l.status().Covered, err))
		select {
		case <-time.After(pauses.NextBackOff()):
		case <-ctx.Done():
		}
	}
}

// follow takes the tree up where it is kept, and covers and signs until something
// fails or ctx ends. It looks for what is new every now and then, and reads it at one go:
// that costs those who append less than to follow each message.
func (l *keeping) follow(ctx context.Context) error {
	if err := l.open(ctx); err != nil {
		return err
	}
	l.say("")
	rest := time.NewTimer(0)
	defer rest.Stop()
	var since time.Time // when the oldest message was covered that no head covers
	for hurried := false; ; {
		select {
		case <-rest.C:
		case <-l.hurry:
			hurried = true
		case <-ctx.Done():
			return ctx.Err()
		}
		if err := l.catchUp(ctx); err != nil {
			return err
		}
		switch now := time.Now(); {
		case l.unsigned() <= 0:
			since = time.Time{}
		case since.IsZero():
			since = now
		}
		if hurried || !since.IsZero() && time.Since(since) >= l.keeper.Every {
			if err := l.sign(ctx); err != nil {
				return err
			}
			since, hurried = time.Time{}, false
		}
		rest.Reset(min(l.keeper.Rest, l.keeper.Every))
	}
}

// catchUp covers what the log has, and signs whenever much is to be signed.
func (l *keeping) catchUp(ctx context.Context) error {
	last, err := l.log.Last(ctx)
	if err != nil || int64(last) == l.tree.Size() {
		return err
	}
	if int64(last) < l.tree.Size() {
		return &ContradictionError{l.log.Name(), last + 1, domain.Position(l.tree.Size()), fmt.Sprintf("the log ends at position %d, and %d have been covered", last, l.tree.Size())}
	}
	defer l.tell()
	return l.log.Read(ctx, streams.Query{From: domain.Position(l.tree.Size() + 1), To: last}, func(m streams.Message) error {
		if err := l.cover(ctx, &m); err != nil || l.unsigned() < l.keeper.Most {
			return err
		}
		l.tell()
		return l.sign(ctx)
	})
}

// tell lets the status know how far the tree is.
func (l *keeping) tell() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.covered = l.tree.Size()
}

// Sign covers and signs, without delay, what the logs have now.
func (k *Keeper) Sign(ctx context.Context) error {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for _, l := range k.logs {
		last, err := l.log.Last(ctx)
		if err != nil {
			return err
		}
		for !l.hasSigned(last) {
			if problem := l.status().Problem; problem != "" {
				return errors.New(problem)
			}
			select {
			case l.hurry <- struct{}{}:
			default:
			}
			select {
			case <-tick.C:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	}
	return nil
}

// hasSigned reports whether the tree is taken up and a head covers a position.
func (l *keeping) hasSigned(at domain.Position) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return domain.Position(l.signed.Size) >= at
}

// unsigned is how many messages no head covers.
func (l *keeping) unsigned() int64 { return l.tree.Size() - l.signed.Size }

// open takes up the tree from the tiles that are kept, and finds the newest head of
// this key.
func (l *keeping) open(ctx context.Context) error {
	l.opened = false
	last, err := l.log.Last(ctx)
	if err != nil {
		return err
	}
	t, err := l.grove.open(ctx)
	if err != nil {
		return err
	}
	if t.Size() > int64(last) {
		return &ContradictionError{l.log.Name(), last + 1, domain.Position(t.Size()), fmt.Sprintf("the log ends at position %d, and %d have been covered", last, t.Size())}
	}
	l.tree, l.ahead = t, nil
	newest, err := l.signedHeads(ctx)
	switch {
	case err != nil:
		return err
	case newest.Size > int64(last):
		return &ContradictionError{l.log.Name(), last + 1, domain.Position(newest.Size), fmt.Sprintf("the log ends at position %d, and a head is signed for %d messages", last, newest.Size)}
	}
	l.mu.Lock()
	l.signed, l.covered, l.looked = newest, t.Size(), 0
	l.mu.Unlock()
	if newest.Size > 0 && newest.Size <= t.Size() {
		if err := l.grove.matches(ctx, t, newest); err != nil {
			return err
		}
	}
	l.opened = true
	return nil
}

// signedHeads finds the newest head of this key, and those that the tree has still to
// come to. Of heads of other keys it knows nothing; verify looks at all.
func (l *keeping) signedHeads(ctx context.Context) (newest tree.Head, err error) {
	var last streams.SignedHead
	var to []streams.SignedHead
	err = l.grove.conn.Heads().Read(ctx, l.log.Name(), func(s streams.SignedHead) error {
		if h, ours, ok := tree.PeekHead(s.Text, l.keeper.key.Public()); ok && ours {
			if last = s; h.Size > l.tree.Size() {
				to = append(to, s)
			}
		}
		return nil
	})
	if err != nil || last.Text == nil {
		return newest, err
	}
	if len(to) == 0 {
		to = []streams.SignedHead{last}
	}
	for _, s := range to {
		h, err := tree.OpenHead(s.Text, l.log.Name(), l.keeper.key.Public())
		if err != nil {
			return newest, &ContradictionError{l.log.Name(), 1, domain.Position(max(h.Size, 1)), fmt.Sprintf("the tree head at position %d of HEADS: %v", s.Position, err)}
		}
		if newest = h; h.Size > l.tree.Size() {
			l.ahead = append(l.ahead, h)
		}
	}
	l.mu.Lock()
	l.signedAt = last.RecordedAt
	l.mu.Unlock()
	for _, d := range l.dispatches {
		d.offer(last.Text, domain.Position(newest.Size)) // who was away when it was signed has it now
	}
	return newest, nil
}

// cover takes the next message into the tree.
func (l *keeping) cover(ctx context.Context, m *streams.Message) error {
	for at := l.tree.Size() + 1; at < int64(m.Position); at++ {
		if err := l.add(ctx, l.hasher.Absent(l.log.Name(), domain.Position(at))); err != nil {
			return err
		}
	}
	if int64(m.Position) <= l.tree.Size() {
		return nil // told twice
	}
	return l.add(ctx, l.hasher.Leaf(message(m)))
}

func (l *keeping) add(ctx context.Context, leaf tlog.Hash) error {
	for _, tile := range l.tree.Add(leaf) {
		if err := l.grove.put(ctx, &tile); err != nil {
			return err
		}
	}
	for len(l.ahead) > 0 && l.ahead[0].Size <= l.tree.Size() {
		if h := l.ahead[0]; h.Size == l.tree.Size() && h.Root != l.tree.Hash() {
			return &ContradictionError{l.log.Name(), 1, domain.Position(h.Size), "a signed head contradicts what is there now"}
		}
		l.ahead = l.ahead[1:]
	}
	return nil
}

// sign signs the tree as it is, unless a head says it already.
func (l *keeping) sign(ctx context.Context) error {
	if l.unsigned() <= 0 || len(l.ahead) > 0 {
		return nil
	}
	name, size, root := l.log.Name(), l.tree.Size(), l.tree.Hash()
	signed, err := l.keeper.key.Sign(name, size, root)
	if err != nil {
		return err
	}
	if _, err := l.grove.conn.Heads().Append(ctx, name, signed, l.newLeaves()); err != nil {
		return err
	}
	l.mu.Lock()
	l.signed = tree.Head{Origin: l.keeper.key.Public().Name() + "/" + name, Size: size, Root: root}
	l.signedAt = l.keeper.Now().UTC()
	l.mu.Unlock()
	for _, d := range l.dispatches {
		d.offer(signed, domain.Position(size))
	}
	return nil
}

// newLeaves are the hashes of what no head covers yet and no tile holds.
func (l *keeping) newLeaves() []byte {
	tail := l.tree.Tail()
	if n := l.unsigned(); n < int64(len(tail)) {
		tail = tail[int64(len(tail))-n:]
	}
	b := make([]byte, 0, len(tail)*tlog.HashSize)
	for i := range tail {
		b = append(b, tail[i][:]...)
	}
	return b
}

// finish covers and signs what the log has when the work has ended. An owner who lost
// the lease leaves that to the next.
func (l *keeping) finish(ctx context.Context) error {
	if errors.Is(context.Cause(ctx), streams.ErrLeaseLost) {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), l.keeper.Drain)
	defer cancel()
	if !l.opened {
		if err := l.open(ctx); err != nil {
			return l.unfinished(err)
		}
	}
	err := l.catchUp(ctx)
	if err == nil {
		err = l.sign(ctx)
	}
	return l.unfinished(err)
}

// unfinished makes no failure of a process that ends before all is signed: the next one
// goes on, and what is contradicted is said then.
func (l *keeping) unfinished(err error) error {
	if err != nil {
		l.say(fmt.Sprintf("the newest messages of %s are not signed yet: %v", l.log.Name(), err))
	}
	return nil
}

func (l *keeping) say(problem string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.problem = problem
}

func (l *keeping) status() Status {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := Status{
		Log: l.log.Name(), Covered: domain.Position(l.covered), Signed: domain.Position(max(l.signed.Size, l.looked)),
		SignedAt: l.signedAt, Problem: l.problem,
	}
	for _, d := range l.dispatches {
		s.Sent = append(s.Sent, d.status())
	}
	return s
}

// message is what the tree holds of a message.
func message(m *streams.Message) *tree.Message {
	return &tree.Message{Log: m.Stream, Position: m.Position, Subject: m.Subject, RecordedAt: m.RecordedAt, Header: m.Header, Data: m.Data}
}
