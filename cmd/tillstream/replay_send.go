package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tillstream/tillstream/domain"
)

// mostSent is how many events are sent at a time at most.
const mostSent = 500

// target takes the events on some lines, in their order.
type target interface {
	send(ctx context.Context, lines []byte) (delivery, error)
}

// delivery is what became of events that were sent.
type delivery struct {
	sent, duplicates int // recorded there, and of these what had been before
	refused          []refusedEvent
}

// refusedEvent is one of a delivery that is not recorded.
type refusedEvent struct {
	line int // from 1
	id   string
	why  string
}

// send sends the events to another installation.
func (r *replay) send(ctx context.Context, from *storeClient) (err error) {
	at, err := url.Parse(strings.Split(r.to, ",")[0])
	if err != nil {
		return err
	}
	s := sending{replay: r, from: from, name: at.Redacted(), bar: r.newProgress("replay", 0)}
	if r.toStore == "" {
		r.toStore = from.store
	}
	if slices.Contains(natsSchemes, at.Scheme) {
		to, err := r.toNATS(ctx)
		if err != nil {
			return err
		}
		defer to.conn.Close()
		s.to = to
		if r.resume {
			if s.behind, err = to.newest(ctx); err != nil {
				return err
			}
		}
	} else if s.to, err = r.toTillstream(); err != nil {
		return err
	}
	if r.speed != "max" {
		s.faster, _ = strconv.ParseFloat(r.speed, 64) // was checked
	}
	answer, err := from.send(ctx, call{method: http.MethodGet, path: from.path("replay"), query: r.query()})
	if err != nil {
		return aboutItem(err)
	}
	defer answer.Body.Close()
	lines := bufio.NewReaderSize(answer.Body, 1<<20)
	for {
		line, err := lines.ReadBytes('\n')
		if errors.Is(err, io.EOF) && len(line) == 0 {
			break
		}
		if err != nil {
			return errors.Join(s.flush(ctx), fmt.Errorf("the answer was cut off: %w", err))
		}
		if err := s.take(ctx, line); err != nil {
			return err
		}
	}
	if err := s.flush(ctx); err != nil {
		return err
	}
	if s.behind != "" {
		return withHint(fmt.Errorf("the newest event of store %s at %s, %s, is none of those that are chosen here, so nothing was sent", r.toStore, s.name, s.behind),
			"the same without --resume: what is there of the last day is not recorded twice")
	}
	s.bar.end()
	r.stderr.line("%s", sentence(count(s.sent, "event")+" sent to "+s.name, some(s.duplicates, "there already"), some(s.passed, "passed over that were there"), some(s.unreadable, "passed over that are no events"),
		some(s.letters, "refused there that are dead letters here")))
	return nil
}

// sending is the other side of a replay.
type sending struct {
	*replay
	from   *storeClient
	to     target
	name   string // of the other side, without a password
	bar    *progress
	faster float64 // 0 is as fast as it goes

	behind domain.EventID // to be met first, where a replay is gone on with

	first, began       time.Time // of the recording, and of the sending
	waiting            bytes.Buffer
	at                 []domain.Position // of the events that wait
	sent, duplicates   int
	passed, unreadable int
	letters            int                      // events that are refused there and dead letters here
	dead               map[domain.Position]bool // where the dead letters lie here, once one is asked for
}

// take takes one line, and sends what waits when that is much, or the line is not due
// yet.
func (s *sending) take(ctx context.Context, line []byte) error {
	bare, at, err := bareEvent(line)
	if err != nil {
		return err
	}
	switch {
	case bare == nil:
		s.unreadable++
		return nil
	case s.behind != "":
		return s.pass(bare)
	case s.began.IsZero():
		s.first, s.began = at.RecordedAt, s.now()
	}
	if s.faster > 0 {
		due := s.began.Add(time.Duration(float64(at.RecordedAt.Sub(s.first)) / s.faster))
		if wait := due.Sub(s.now()); wait > 0 {
			if err := s.flush(ctx); err != nil {
				return err
			}
			select {
			case <-time.After(wait):
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	}
	s.waiting.Write(bare)
	s.at = append(s.at, at.Position)
	if len(s.at) < mostSent && s.waiting.Len() < 1<<20 {
		return nil
	}
	return s.flush(ctx)
}

// pass passes over an event that is there already, up to the newest of them.
func (s *sending) pass(bare []byte) error {
	var event struct{ ID domain.EventID }
	if err := json.Unmarshal(bare, &event); err != nil {
		return fmt.Errorf("the line %s: %w", bare, err)
	}
	if s.passed++; event.ID == s.behind {
		s.behind = ""
	}
	return nil
}

// placeOf is where an event lies.
type placeOf struct {
	Position   domain.Position `json:",string"`
	RecordedAt time.Time
}

// bareEvent is an event as it was published, without where it lies; nil for a message
// that is none.
func bareEvent(line []byte) ([]byte, placeOf, error) {
	const begin = `{"specversion":"1.0"`
	var at placeOf
	rest := bytes.Index(line, []byte(`,"id":`))
	if !bytes.HasPrefix(line, []byte(begin)) || rest < 0 {
		return nil, at, nil
	}
	if err := json.Unmarshal(append(line[:rest:rest], '}'), &at); err != nil {
		return nil, at, fmt.Errorf("the line %s: %w", line, err)
	}
	return append([]byte(begin), line[rest:]...), at, nil
}

// flush sends what waits and hears of each event that it is recorded.
func (s *sending) flush(ctx context.Context) error {
	if len(s.at) == 0 {
		return nil
	}
	at := s.at
	done, err := s.to.send(ctx, s.waiting.Bytes())
	s.sent += done.sent
	s.duplicates += done.duplicates
	s.waiting.Reset()
	s.at = nil
	for _, r := range done.refused {
		if err == nil {
			err = s.refused(ctx, r, at)
		}
	}
	if err != nil {
		return withHint(fmt.Errorf("%s, after %s: %w", s.name, count(s.sent, "event"), err),
			fmt.Sprintf("mend it there, and the same with --from %d: what it has is not recorded twice", at[0]))
	}
	s.bar.step("%s sent", count(s.sent, "event"))
	return nil
}

// refused passes over an event that the other side refuses if it is a dead letter here, and
// names it; any other is the error.
func (s *sending) refused(ctx context.Context, r refusedEvent, at []domain.Position) error {
	err := fmt.Errorf("refuses event %s: %s", r.id, r.why)
	if r.line < 1 || r.line > len(at) {
		return err
	}
	if s.dead == nil {
		var list letterList
		if err := s.from.get(ctx, "/v1/deadletters", url.Values{"store": {s.from.store}, "all": {"true"}}, &list); err != nil {
			return err
		}
		s.dead = map[domain.Position]bool{}
		for _, l := range list.DeadLetters {
			if l.Stream == auditedLogs()[0] {
				s.dead[l.Position] = true
			}
		}
	}
	position := at[r.line-1]
	if !s.dead[position] {
		return err
	}
	s.letters++
	s.stderr.line("position %d, event %s, is a dead letter here, and refused there: %s", position, oneLine(r.id), oneLine(r.why))
	return nil
}

// toTillstream is the API of another tillstream.
type toTillstream struct{ *storeClient }

func (r *replay) toTillstream() (target, error) {
	token := Secret(r.getenv(envPrefix + "TO_TOKEN"))
	if r.toToken != "" {
		b, err := os.ReadFile(r.toToken)
		if err != nil {
			return nil, fmt.Errorf("the token of %s: %w", bareURL(r.to), err)
		}
		token = Secret(strings.TrimSpace(string(b)))
	}
	return toTillstream{&storeClient{client: newClient(strings.TrimSuffix(r.to, "/"), token), store: r.toStore}}, nil
}

// send sends events of which each is recorded or refused by itself.
func (t toTillstream) send(ctx context.Context, lines []byte) (done delivery, err error) {
	err = t.told(ctx, call{method: http.MethodPost, path: t.path("events"), kind: "application/x-ndjson", body: bytes.NewReader(lines)}, func(raw json.RawMessage) error {
		var a appended
		if err := json.Unmarshal(raw, &a); err != nil {
			return fmt.Errorf("the answer %s: %w", raw, err)
		}
		switch {
		case a.Error != nil:
			done.refused = append(done.refused, refusedEvent{a.Line, a.ID, inFull(a.Error).Detail})
		default:
			done.sent++
			if a.Duplicate {
				done.duplicates++
			}
		}
		return nil
	})
	return done, err
}
