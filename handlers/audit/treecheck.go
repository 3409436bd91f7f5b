package audit

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/handlers/audit/tree"
	"github.com/tillstream/tillstream/streams"
)

// treeCheck compares one log, message by message, with the tiles that were kept when
// the messages were new, and with every head that was signed of it.
type treeCheck struct {
	log    string
	tree   tree.Tree
	hasher tree.Hasher

	heads, outside *headList
	tiles          func() (tree.Tile, error, bool)
	tile           tree.Tile // the one that the next leaf is in, when have
	have, noTiles  bool

	agreed  int64           // the size of the newest head that was compared and is right
	by      map[Code]int64  // likewise, of the heads of each kind
	suspect domain.Position // the first since then whose leaf is not the one in its tile
	why     string
	// as is the tree as the tiles have it, where that is another one: since suspect.
	as      *tree.Tree
	broken  []Result
	damaged few // tiles that differ from messages that a head proves
	forged  map[Code]*few
	unknown map[Code]*few
	checked map[Code]int
}

// headList hands out heads in the order in which they were signed.
type headList struct {
	next func() (judged, error, bool)
	head judged
	have bool
}

// judged is a head and what is wrong with its signature.
type judged struct {
	tree.Head
	from   string // where it is, for people
	code   Code   // whose business it is: Tree, or Since for one from outside
	leaves []byte // of the newest messages that it covers
	err    error
}

func (l *headList) advance() error {
	var err error
	l.head, err, l.have = l.next()
	return err
}

// newTreeCheck begins to read heads and tiles; stop ends that.
func newTreeCheck(ctx context.Context, conn *streams.Conn, log string, keys []tree.Key, outside []judged) (*treeCheck, func(), error) {
	c := &treeCheck{log: log, by: map[Code]int64{}, checked: map[Code]int{}, forged: map[Code]*few{Tree: {}, Since: {}}, unknown: map[Code]*few{Tree: {}, Since: {}}}
	heads := func(yield func(judged, error) bool) {
		err := conn.Heads().Read(ctx, log, func(s streams.SignedHead) error {
			h, err := tree.OpenHead(s.Text, log, keys...)
			if !yield(judged{h, fmt.Sprintf("position %d of HEADS", s.Position), Tree, s.Leaves, err}, nil) {
				return errEnough
			}
			return nil
		})
		if err != nil && !errors.Is(err, errEnough) {
			yield(judged{}, err)
		}
	}
	given := func(yield func(judged, error) bool) {
		for _, h := range outside {
			if !yield(h, nil) {
				return
			}
		}
	}
	kept := func(yield func(tree.Tile, error) bool) {
		err := conn.Tiles().Read(ctx, log, 0, func(n int64, b []byte) error {
			t, err := tree.ParseTile(0, n, b)
			if err == nil && !yield(t, nil) {
				return errEnough
			}
			return err
		})
		if err != nil && !errors.Is(err, errEnough) {
			yield(tree.Tile{}, err)
		}
	}
	nextHead, stopHeads := iter.Pull2(iter.Seq2[judged, error](heads))
	nextGiven, stopGiven := iter.Pull2(iter.Seq2[judged, error](given))
	nextTile, stopTiles := iter.Pull2(iter.Seq2[tree.Tile, error](kept))
	stop := func() { stopHeads(); stopGiven(); stopTiles() }
	c.heads, c.outside, c.tiles = &headList{next: nextHead}, &headList{next: nextGiven}, nextTile
	err := errors.Join(c.heads.advance(), c.outside.advance())
	if err == nil {
		err = c.passHeads()
	}
	if err != nil {
		stop()
		return nil, nil, err
	}
	return c, stop, nil
}

// errEnough says that the reader wants no more.
var errEnough = errors.New("enough")

// take compares the next message of the log.
func (c *treeCheck) take(m *streams.Message) error {
	for at := c.tree.Size() + 1; at < int64(m.Position); at++ {
		if err := c.leaf(c.hasher.Absent(c.log, domain.Position(at)), nil); err != nil {
			return err
		}
	}
	t := message(m)
	return c.leaf(c.hasher.Leaf(t), t)
}

func (c *treeCheck) leaf(h tlog.Hash, m *tree.Message) error {
	index := c.tree.Size()
	if index%tree.TileWidth == 0 {
		if err := c.nextTile(index / tree.TileWidth); err != nil {
			return err
		}
	}
	kept := h
	if c.have {
		kept = c.tile.Hashes[index%tree.TileWidth]
	}
	if kept != h && c.suspect == 0 {
		c.suspect, c.why, c.as = domain.Position(index+1), c.explain(m, index), c.tree.Clone()
	}
	if c.as != nil {
		c.as.Add(kept)
	}
	c.tree.Add(h)
	return c.passHeads()
}

// nextTile brings up the tile of a number, if there is one.
func (c *treeCheck) nextTile(n int64) error {
	if c.have = c.have && c.tile.N == n; c.noTiles || c.have {
		return nil
	}
	for {
		if c.tile.N > n {
			return nil // there is none for these leaves
		}
		tile, err, ok := c.tiles()
		if err != nil {
			return err
		}
		if !ok {
			c.noTiles = true
			return nil
		}
		if c.tile = tile; tile.N >= n {
			c.have = tile.N == n
			return nil
		}
	}
}

// explain says what may have happened at the first position that is not as it was.
func (c *treeCheck) explain(m *tree.Message, index int64) string {
	if m == nil {
		return "the message that was recorded here is gone"
	}
	moved := *m
	begin := index &^ (tree.TileWidth - 1)
	for i := range int64(tree.TileWidth) {
		moved.Position = domain.Position(begin + i + 1)
		if c.hasher.Leaf(&moved) != c.tile.Hashes[i] {
			continue
		}
		switch d := begin + i - index; {
		case d == 1:
			return fmt.Sprintf("what is here now was recorded at position %d: the message of this position was dropped, or moved", moved.Position)
		case d == -1:
			return fmt.Sprintf("what is here now was recorded at position %d: a message was inserted before, or moved", moved.Position)
		default:
			return fmt.Sprintf("what is here now was recorded at position %d: messages were reordered", moved.Position)
		}
	}
	return changedHere
}

const changedHere = "its data, headers, subject or recorded time are not those that were recorded, or it was not recorded here at all"

// passHeads compares the tree with the heads of its present size.
func (c *treeCheck) passHeads() error {
	for _, l := range []*headList{c.heads, c.outside} {
		for l.have && l.head.Size <= c.tree.Size() {
			c.compare(&l.head)
			if err := l.advance(); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c *treeCheck) compare(h *judged) {
	var unknown *tree.UnknownSignerError
	switch {
	case errors.As(h.err, &unknown):
		c.stranger(h, unknown)
	case h.err != nil:
		c.forged[h.code].add("%s: %v", h.from, h.err)
		return
	}
	c.checked[h.code]++
	r := Result{Code: h.code, Log: c.log}
	switch {
	case len(c.broken) > 0:
		// The first one says it; all that follow differ for the same reason.
	case h.Size < c.tree.Size():
		c.broken = append(c.broken, r.is(Fail, "the head at %s is of %s, and one of %d or more came before it: the heads are not in the order in which they were signed", h.from, number(h.Size, "message"), c.tree.Size()).at(domain.Position(h.Size), 0))
	case h.Root == c.tree.Hash():
		if c.suspect > 0 {
			c.damaged.add("the tile of position %d", c.suspect)
		}
		c.agreed, c.suspect, c.why, c.as = h.Size, 0, "", nil
		c.by[h.code] = h.Size
	default:
		c.contradicted(h, "")
	}
}

// stranger notes that a head is signed with a key that is not known, and says so wherever
// the head is named.
func (c *treeCheck) stranger(h *judged, unknown *tree.UnknownSignerError) {
	h.from += ", signed by " + unknown.Signer
	c.unknown[h.code].add("%s", h.from)
	h.from += ", whose key is not known here"
}

// contradicted notes that a head contradicts the log, and names the first position at
// which it does. That is known when what was kept of the leaves amounts to the head, so
// that it is as true as the head is.
func (c *treeCheck) contradicted(h *judged, gone string) {
	r := Result{Code: h.code, Log: c.log}
	switch at, why, ok := c.firstOther(h); {
	case !ok:
		first, last := domain.Position(c.agreed+1), domain.Position(h.Size)
		r = r.is(Fail, "a position from %d to %d is not what was signed (head of %s, %s); which one, nothing that is kept here says", first, last, number(h.Size, "message"), h.from).at(first, last)
	case int64(at) > c.tree.Size():
		r = r.is(Fail, "%s", gone).at(at, domain.Position(h.Size))
	default:
		r = r.is(Fail, "position %d is not what was signed: %s (head of %s, %s)", at, why, number(h.Size, "message"), h.from).at(at, 0)
	}
	c.broken = append(c.broken, r)
}

// firstOther is the first position at which the log differs from what was kept of it up
// to a head. It is not ok when what was kept does not amount to the head.
func (c *treeCheck) firstOther(h *judged) (at domain.Position, why string, ok bool) {
	as := c.tree.Clone()
	if c.as != nil {
		as = c.as.Clone()
	}
	tail := slices.Clone(as.Tail())
	as.CutTail()
	if at, why = c.suspect, c.why; at == 0 {
		at = domain.Position(c.tree.Size() + 1)
	}
	for h.Size-as.Size() >= tree.TileWidth { // the log ends before tiles that are kept
		if err := c.nextTile(as.Size() / tree.TileWidth); err != nil || !c.have {
			return 0, "", false
		}
		as.AddTile(&c.tile)
		tail = nil
	}
	begin, n := as.Size(), int64(len(h.leaves)/tlog.HashSize)
	for index := begin; index < h.Size; index++ {
		var kept tlog.Hash
		i, fromHead := index-begin, index-(h.Size-n)
		switch {
		case fromHead >= 0:
			kept = tlog.Hash(h.leaves[fromHead*tlog.HashSize:][:tlog.HashSize])
			if i < int64(len(tail)) && kept != tail[i] && domain.Position(index) < at {
				at, why = domain.Position(index+1), changedHere
			}
		case i < int64(len(tail)):
			kept = tail[i]
		default:
			return 0, "", false
		}
		as.Add(kept)
	}
	return at, why, as.Hash() == h.Root
}

// end says what was found, when the log has no more.
func (c *treeCheck) end() ([]Result, error) {
	size := c.tree.Size()
	for _, l := range []*headList{c.heads, c.outside} {
		for l.have {
			c.beyond(&l.head)
			if err := l.advance(); err != nil {
				return nil, err
			}
		}
	}
	r := Result{Code: Tree, Log: c.log}
	if len(c.broken) == 0 && c.suspect > 0 {
		c.broken = append(c.broken, r.is(Fail, "position %d is not what was recorded: %s; no head covers it yet", c.suspect, c.why).at(c.suspect, 0))
	}
	out := append(c.broken, c.odd(Tree)...)
	if c.damaged.n > 0 {
		out = append(out, r.is(Warn, "the messages are what was signed, but hashes that are kept beside them were changed: %s", &c.damaged))
	}
	switch checked := number(c.checked[Tree], "head"); {
	case len(out) > 0:
	case size == 0:
		out = append(out, r.is(Pass, "the log is empty"))
	case c.checked[Tree] == 0:
		out = append(out, r.is(Warn, "nothing of %s is signed yet; tillstream up does it within a minute", number(size, "message")))
	case size > c.by[Tree]:
		out = append(out, r.is(Pass, "%s agree with %s; the %d newest are not signed yet", number(c.by[Tree], "message"), checked, size-c.by[Tree]))
	default:
		out = append(out, r.is(Pass, "%s agree with %s", number(size, "message"), checked))
	}
	out = append(out, c.odd(Since)...)
	if n := c.checked[Since] - c.unknown[Since].n; n > 0 && len(c.broken) == 0 {
		out = append(out, Result{Code: Since, Log: c.log}.is(Pass, "the log continues %s from outside", number(n, "head")))
	}
	return out, nil
}

// odd says which heads, of those that HEADS has or of those from outside, are not signed as
// they say, or by somebody whose key is not known here.
func (c *treeCheck) odd(code Code) (out []Result) {
	r := Result{Code: code, Log: c.log}
	if forged := c.forged[code]; forged.n > 0 {
		out = append(out, r.is(Fail, "%s not signed as it says: %s", number(forged.n, "head"), forged))
	}
	if unknown := c.unknown[code]; unknown.n > 0 && len(c.broken) == 0 {
		out = append(out, r.is(Warn, "%s agree with %s, %d of them signed with a key that is not known here (give it with --key): %s", number(c.by[code], "message"), number(c.checked[code], "head"), unknown.n, unknown))
	}
	return out
}

// beyond judges a head of more messages than the log has.
func (c *treeCheck) beyond(h *judged) {
	var unknown *tree.UnknownSignerError
	switch {
	case errors.As(h.err, &unknown):
		c.stranger(h, unknown)
	case h.err != nil:
		c.forged[h.code].add("%s: %v", h.from, h.err)
		return
	}
	c.checked[h.code]++
	if size := c.tree.Size(); len(c.broken) == 0 {
		c.contradicted(h, fmt.Sprintf("the log ends at position %d, and a head is signed of %s (%s): the positions from %d on are gone", size, number(h.Size, "message"), h.from, size+1))
	}
}
