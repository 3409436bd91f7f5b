package console

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/handlers/problem"
	"github.com/tillstream/tillstream/projections"
	"github.com/tillstream/tillstream/streams"
)

func (c *Console) mountReplay(api huma.API) {
	registerLines(c, api, "/v1/stores/{store}/replay", "The events of a log, as they were recorded",
		`The answer has one JSON line per event, in the CloudEvents format, with the attributes "position", "recordedat" and "store" besides its own; or rows of CSV. A message that is no event has a line without specversion, with the reason and all of it, unless events are chosen by type, source or actor.
An answer that breaks off is cut off; what came whole before is right.`,
		&huma.Schema{Type: "object"}, c.replay)
}

type replayInput struct {
	Store string `path:"store"`
	SelectionInput
	Log    string `query:"log" enum:"POS,SYNC" default:"POS"`
	Item   string `query:"item" doc:"a SKU, a POS item id or a product id; of the SYNC log, its product"`
	Format string `query:"format" enum:"ndjson,csv" default:"ndjson"`
}

func (c *Console) replay(ctx context.Context, in *replayInput) (*huma.StreamResponse, error) {
	store, err := c.Store(in.Store)
	if err != nil {
		return nil, err
	}
	log, events, types := c.Logs.POS, c.POS, domain.POSTypes()
	if in.Log == "SYNC" {
		log, events, types = c.Logs.Sync, c.Sync, domain.SyncTypes()
	}
	r := replaying{store: store.ID, log: log}
	if r.chosen, err = c.selection(ctx, &in.SelectionInput, events, types); err != nil {
		return nil, err
	}
	if in.Item != "" {
		if err := r.find(ctx, c, in.Item); err != nil {
			return nil, err
		}
	}
	return &huma.StreamResponse{Body: func(out huma.Context) {
		kind, form := ndjson, r.line
		if in.Format == "csv" {
			kind, form = "text/csv; charset=utf-8", r.row
		}
		out.SetHeader("Content-Type", kind)
		if err := r.write(ctx, out.BodyWriter(), in.Format == "csv", form); err != nil {
			if ctx.Err() == nil {
				c.Logger.Error("replay", "err", err)
			}
			panic(http.ErrAbortHandler) // which is how the caller learns that it is not whole
		}
	}}, nil
}

// find finds out what a reference means in the log, and where it lies there.
func (r *replaying) find(ctx context.Context, c *Console, ref string) error {
	m, err := c.findIn(ctx, r.log, r.store, ref)
	if err != nil {
		return err
	}
	if r.log != c.Logs.POS {
		r.keys = map[string]bool{string(m.Product): true}
		r.at, r.known, err = c.Past.OfProduct(ctx, r.store, m.Product, r.chosen.from, r.chosen.to)
		return err
	}
	items, former, err := c.itemsOf(ctx, r.store, m)
	if err != nil {
		return err
	}
	items = append(items, former...)
	if len(items) == 0 {
		return problem.Newf(http.StatusNotFound, "product %s has never had an item", m.Product)
	}
	r.keys = map[string]bool{}
	for _, id := range items {
		r.keys[string(id)] = true
	}
	r.at, r.known, err = c.Past.OfItems(ctx, r.store, items, r.chosen.from, r.chosen.to)
	return err
}

// itemsOf are the items that are meant: the one, or those of the product, and those that
// have left it.
func (c *Console) itemsOf(ctx context.Context, store domain.StoreID, m projections.Match) (items, former []domain.ItemID, err error) {
	if m.Item != "" {
		return []domain.ItemID{m.Item}, nil, nil
	}
	p, err := c.Catalog.Product(ctx, store, m.Product)
	for _, it := range p.Items {
		items = append(items, it.ID)
	}
	return items, p.Former, err
}

// replaying is one answer.
type replaying struct {
	store  domain.StoreID
	log    *streams.Log
	chosen selection
	keys   map[string]bool // nil: all
	at     []domain.Position
	known  bool // at is where all messages of the keys lie
	buffer bytes.Buffer
}

// mostBuffered is how much is written at a time.
const mostBuffered = 256 << 10

func (r *replaying) write(ctx context.Context, out io.Writer, csv bool, form func([]byte, streams.Message) ([]byte, error)) error {
	buffer := make([]byte, 0, mostBuffered+(64<<10))
	if csv {
		buffer = append(buffer, replayHeader...)
	}
	take := func(m streams.Message) (err error) {
		if r.keys != nil && !r.keys[m.Key] || !r.takes(m) {
			return nil
		}
		if buffer, err = form(buffer, m); err != nil {
			return err
		}
		if len(buffer) < mostBuffered {
			return nil
		}
		_, err = out.Write(buffer)
		buffer = buffer[:0]
		return err
	}
	if !r.chosen.nothing {
		if err := r.read(ctx, take); err != nil {
			return err
		}
	}
	_, err := out.Write(buffer)
	return err
}

// read calls do with the messages that may be chosen, at least.
func (r *replaying) read(ctx context.Context, do func(streams.Message) error) error {
	if r.known {
		return r.log.ReadKnown(ctx, r.store, r.keys, r.at, do)
	}
	q := streams.Query{From: r.chosen.from, To: r.chosen.to, Store: r.store}
	if len(r.keys) == 1 {
		for key := range r.keys {
			q.Key = key
		}
	}
	return r.log.Read(ctx, q, do)
}

// takes reports whether a message is chosen. One that cannot be decoded is by its
// position only.
func (r *replaying) takes(m streams.Message) bool {
	s := &r.chosen
	if len(s.types) == 0 && s.source == "" && s.actor == "" && s.since.IsZero() && s.until.IsZero() {
		return true
	}
	rec, err := m.Recorded()
	return err == nil && s.takes(&rec)
}

func (r *replaying) line(buffer []byte, m streams.Message) ([]byte, error) {
	out, err := m.AppendLine(buffer)
	if err != nil {
		return m.AppendUnreadable(buffer, err)
	}
	return out, nil
}

// replayHeader names the columns of the CSV form.
const replayHeader = "position,recorded_at,store,id,source,type,subject,time,sourceversion,correlationid,causationid,actor,data\n"

func (r *replaying) row(buffer []byte, m streams.Message) ([]byte, error) {
	row := []string{strconv.FormatUint(uint64(m.Position), 10), m.RecordedAt.Format(time.RFC3339Nano), string(m.Store)}
	if rec, err := m.Recorded(); err == nil {
		version := ""
		if rec.SourceVersion > 0 {
			version = strconv.FormatUint(rec.SourceVersion, 10)
		}
		row = append(row, string(rec.ID), string(rec.Source), string(rec.Type), rec.Subject, rec.Time.Format(time.RFC3339Nano), version, rec.CorrelationID, rec.CausationID, rec.Actor)
	} else {
		row = append(row, "", "", "", m.Key, "", "", "", "", "")
	}
	var data bytes.Buffer
	if json.Compact(&data, m.Data) != nil {
		data.Reset()
		data.WriteString(strconv.QuoteToASCII(string(m.Data))) // a row is a line, whatever it holds
	}
	r.buffer.Reset()
	w := csv.NewWriter(&r.buffer)
	if err := w.Write(append(row, data.String())); err != nil {
		return buffer, err
	}
	w.Flush()
	return append(buffer, r.buffer.Bytes()...), w.Error()
}
