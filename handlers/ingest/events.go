package ingest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/streams"
)

// Format is how a request body holds its events.
type Format int

// The forms of CloudEvents that are taken.
const (
	Lines  Format = iota // one JSON document per line
	Batch                // a JSON array
	Single               // one JSON document
)

// Answer says what became of one event.
type Answer struct {
	Line      int // in the body, from 1
	ID        domain.EventID
	Position  domain.Position // where it is in the log; 0 when it is not, or in a dry run
	Duplicate bool            // it was there before, at Position
	Err       error           // why it was refused
}

// MostSaleLines is how many events one sale may have: what the log can record at
// once.
const MostSaleLines = 1000

// Events appends the events of body in order and calls each for every one in the
// same order. Events of one sale that follow each other are recorded whole or not
// at all; such a sale ends with the first event that is not of it, or with the
// body. With dry, events are only checked. Idle is called whenever no further
// answer is on its way. The error is one of body, of ctx, of each or of idle; what
// is wrong with an event is in its answer.
func (s *Service) Events(ctx context.Context, store domain.StoreID, body io.Reader, format Format, dry bool, each func(Answer) error, idle func() error) error {
	var docs documents
	switch format {
	case Batch:
		docs = newBatch(body)
	case Single:
		docs = &single{r: body}
	default:
		docs = newLines(body)
	}
	sales := &saleGrouper{docs: docs, now: s.now}
	in := wayIn{inFlight: MostEventsInFlight, queue: s.queued}
	if !dry {
		in.submit = s.log.Submit
	}
	return s.pipe(ctx, store, in, sales.next, func(u unit, appended []streams.Appended, err error) error {
		for i, parsed := range u.about.([]parsedEvent) {
			a := Answer{Line: parsed.line, ID: parsed.envelope.ID, Err: parsed.err}
			switch {
			case a.Err != nil:
			case err != nil:
				a.Err = err
			case !dry:
				a.Position, a.Duplicate = appended[i].Position, appended[i].Duplicate
			}
			if err := each(a); err != nil {
				return err
			}
		}
		return nil
	}, idle)
}

// parsedEvent is one document, read.
type parsedEvent struct {
	line     int
	envelope domain.Envelope
	sale     string // what it belongs to, even if it is wrong; empty when to nothing
	err      error
}

func parseEvent(d document, now time.Time) parsedEvent {
	p := parsedEvent{line: d.line, err: d.err}
	if p.err != nil {
		return p
	}
	var event domain.Event
	p.envelope, event, p.err = domain.DecodeEnvelope(d.bytes)
	if p.err == nil && !isPOS(p.envelope.Type) {
		p.err = &domain.InvalidError{Path: "type", Value: string(p.envelope.Type), Reason: "only events of the POS are taken; sync events are made by tillstream itself"}
	}
	if p.err == nil {
		p.err = p.envelope.CheckTime(now)
	}
	switch e := event.(type) {
	case *domain.ItemSold:
		p.sale = saleKey(p.envelope.Source, e.Sale)
	case *domain.ItemRefunded:
		p.sale = saleKey(p.envelope.Source, e.Sale)
	case *domain.ItemExchanged:
		p.sale = saleKey(p.envelope.Source, e.Sale)
	case nil:
		p.envelope.ID, p.sale = guess(d.bytes)
	}
	return p
}

// guess finds out which event a wrong document was meant to be, and of which
// sale, so that the answer can name it and its sale is not recorded without it.
func guess(doc []byte) (domain.EventID, string) {
	var head struct {
		ID     domain.EventID
		Source domain.SourceID
		Type   domain.Type
		Data   json.RawMessage
	}
	if json.Unmarshal(doc, &head) != nil {
		return "", ""
	}
	var data struct{ Sale string }
	switch head.Type {
	case domain.TypeItemSold, domain.TypeItemRefunded, domain.TypeItemExchanged:
		if json.Unmarshal(head.Data, &data) == nil && data.Sale != "" {
			return head.ID, saleKey(head.Source, data.Sale)
		}
	}
	return head.ID, ""
}

func saleKey(source domain.SourceID, sale string) string { return string(source) + "\x00" + sale }

func isPOS(t domain.Type) bool {
	for _, pos := range domain.POSTypes() {
		if t == pos {
			return true
		}
	}
	return false
}

// saleGrouper makes units of documents: the lines of one sale that follow each
// other, or one event of anything else.
type saleGrouper struct {
	docs    documents
	now     func() time.Time
	pending []parsedEvent // lines of one sale so far
	tooLong string        // the sale that had too many lines, of which more may follow
	failed  error         // io.EOF, or why reading ended
}

func (g *saleGrouper) next() (unit, error) {
	for {
		if g.failed != nil {
			if len(g.pending) > 0 {
				return g.flush(nil), nil
			}
			return unit{}, g.failed
		}
		doc, err := g.docs.next()
		if err != nil {
			g.failed = err
			continue
		}
		p := parseEvent(doc, g.now())
		if p.sale != "" && p.sale == g.tooLong {
			p.err = errSaleTooLong
			return makeUnit([]parsedEvent{p}), nil
		}
		if len(g.pending) > 0 && (p.sale == "" || p.sale != g.pending[0].sale) {
			return g.flush(&p), nil
		}
		if p.sale == "" {
			return makeUnit([]parsedEvent{p}), nil
		}
		g.pending = append(g.pending, p)
		if len(g.pending) > MostSaleLines {
			g.tooLong = p.sale
			return g.flush(nil), nil
		}
	}
}

// flush makes a unit of the pending lines and puts following, if any, in their
// place. A following event that belongs to no sale waits as a group of its own.
func (g *saleGrouper) flush(following *parsedEvent) unit {
	u := makeUnit(g.pending)
	g.pending = nil
	if following != nil {
		g.pending = []parsedEvent{*following}
	}
	return u
}

// makeUnit refuses the whole group when one of its lines is wrong.
func makeUnit(events []parsedEvent) unit {
	u := unit{about: events}
	var wrong *parsedEvent
	for i := range events {
		if events[i].err != nil {
			wrong = &events[i]
			break
		}
		u.group = append(u.group, events[i].envelope)
	}
	switch {
	case wrong != nil && len(events) == 1:
		u.refuse = wrong.err
	case wrong != nil:
		u.refuse = &SaleRefusedError{Line: wrong.line, Cause: wrong.err}
	case len(events) > MostSaleLines:
		u.refuse = errSaleTooLong
	}
	if u.refuse != nil {
		u.group = nil
	}
	return u
}

var errSaleTooLong = &domain.InvalidError{Path: "data.sale", Reason: fmt.Sprintf("a sale must have at most %d lines, so that it can be recorded whole or not at all", MostSaleLines)}

// SaleRefusedError is the answer to the good lines of a sale that has a bad one.
type SaleRefusedError struct {
	Line  int // of the bad one
	Cause error
}

func (e *SaleRefusedError) Error() string {
	return fmt.Sprintf("refused with its sale: line %d: %v", e.Line, e.Cause)
}

// Unwrap returns what is wrong with the bad line.
func (e *SaleRefusedError) Unwrap() error { return e.Cause }

// Refused reports whether err is about the event, which will never be taken as it
// is, rather than about the log, which may take it later.
func Refused(err error) bool {
	var invalid *domain.InvalidError
	var unknown *domain.UnknownTypeError
	var reused *domain.ReusedIDError
	return errors.As(err, &invalid) || errors.As(err, &unknown) || errors.As(err, &reused)
}
