package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tillstream/tillstream/domain"
)

func (c *cli) replayCommand() *cobra.Command {
	r := replay{cli: c}
	cmd := &cobra.Command{
		Use:   "replay",
		Short: "Print the events of a log as they were recorded, or send them to another tillstream",
		Long: `replay prints what the POS log holds, or the SYNC log: every event, as it was published,
one CloudEvents document per line, with its position, the time at which it was recorded
and its store besides. What is no event has a line with the reason, and no specversion.

-o FILE writes to a file and tells how far it is. --resume goes on with one that was cut
short, behind its last whole line, if the same events are chosen.

--to URL sends the events to another tillstream, at the speed at which they were recorded
times --speed. They keep their ids, so that sending some of them again within a day
changes nothing. The token of the other is read from --to-token-file or ` + envPrefix + `TO_TOKEN.
` + momentHelp,
		Example: `  tillstream replay | jq -r .type | sort | uniq -c
  tillstream replay --log SYNC --from 24h --format csv -o pushes.csv
  tillstream replay --item CK-121
  tillstream replay --to https://till.example.org --to-token-file token --speed 10`,
		Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := r.check(); err != nil {
				return withHint(err, cmd.CommandPath()+" --help")
			}
			return c.sessionOfStore(cmd, needReads, r.run)
		},
	}
	r.chosen.boundFlags(cmd, "from", "until")
	cmd.Flags().StringVar(&r.log, "log", "POS", "`POS` or SYNC")
	cmd.Flags().StringVar(&r.item, "item", "", "only the events of this `ITEM`, or of the items that are or were in this product; of the SYNC log, of its product")
	cmd.Flags().StringVar(&r.format, "format", "ndjson", "`ndjson` or csv")
	cmd.Flags().StringVarP(&r.file, "output", "o", "", "write to a `FILE`")
	cmd.Flags().BoolVar(&r.resume, "resume", false, "go on with the file of --output that was cut short")
	cmd.Flags().StringVar(&r.to, "to", "", "send to the tillstream at this `URL`")
	cmd.Flags().StringVar(&r.toStore, "to-store", "", "the `id` that the store has there; by default the same")
	cmd.Flags().StringVar(&r.toToken, "to-token-file", "", "`FILE` with the token of the other ("+envPrefix+"TO_TOKEN)")
	cmd.Flags().StringVar(&r.speed, "speed", "max", "of sending: `max`, or so many times that of the recording, such as 1 or 10")
	for name, words := range map[string][]string{"log": {"POS", "SYNC"}, "format": {"ndjson", "csv"}, "speed": {"max", "1", "10"}} {
		// Completing a flag cannot fail but for a flag that is not there.
		_ = cmd.RegisterFlagCompletionFunc(name, cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp))
	}
	_ = cmd.RegisterFlagCompletionFunc("item", c.completeItem)
	return c.talksOfStore(c.reads(cmd))
}

// replay is one run of the command.
type replay struct {
	*cli
	chosen                      selection
	log, item, format           string
	file                        string
	resume                      bool
	to, toStore, toToken, speed string
}

func (r *replay) check() error {
	var faster float64
	if r.speed != "max" {
		var err error
		if faster, err = strconv.ParseFloat(r.speed, 64); err != nil || !(faster > 0 && faster <= 1e9) {
			return misuse("--speed %q: must be max, or a number above 0 such as 1 or 10", r.speed)
		}
	}
	at, err := url.Parse(r.to)
	switch {
	case !slices.Contains([]string{"POS", "SYNC"}, r.log):
		return misuse("--log %q: must be POS or SYNC", r.log)
	case !slices.Contains([]string{"ndjson", "csv"}, r.format):
		return misuse("--format %q: must be ndjson or csv", r.format)
	case r.resume && r.file == "":
		return misuse("--resume goes on with a file; name it with --output")
	case r.to == "":
		return r.checkSelection(&r.chosen)
	case err != nil || !slices.Contains([]string{"http", "https"}, at.Scheme) || at.Host == "":
		return misuse("--to %q: must be the URL of a tillstream, such as http://127.0.0.1:8080", r.to)
	case r.file != "" || r.format != "ndjson":
		return misuse("--to sends the events; it goes without --output and --format")
	case r.log != "POS":
		return misuse("--to takes the POS log only: what a tillstream has pushed is its own")
	}
	return r.checkSelection(&r.chosen)
}

func (r *replay) query() url.Values {
	q := r.chosen.query()
	q.Set("log", r.log)
	q.Set("format", r.format)
	if r.item != "" {
		q.Set("item", r.item)
	}
	return q
}

func (r *replay) run(ctx context.Context, to *storeClient) error {
	switch {
	case r.to != "":
		return r.send(ctx, to)
	case r.file != "":
		return r.save(ctx, to)
	}
	_, err := r.copy(ctx, to, r.query(), r.stdout.Writer)
	return err
}

// copy writes the answer as it is.
func (r *replay) copy(ctx context.Context, to *storeClient, q url.Values, w io.Writer) (int64, error) {
	answer, err := to.send(ctx, call{method: http.MethodGet, path: to.path("replay"), query: q})
	if err != nil {
		return 0, aboutItem(err)
	}
	defer answer.Body.Close()
	n, err := io.CopyBuffer(struct{ io.Writer }{w}, answer.Body, make([]byte, 256<<10))
	if err != nil && ctx.Err() == nil && errors.Is(err, io.ErrUnexpectedEOF) {
		return n, withHint(errors.New("the answer was cut off: what came whole is right, and it is not all"), "the same again; with --output and --resume it goes on where it was")
	}
	return n, err
}

// save writes to a file.
func (r *replay) save(ctx context.Context, to *storeClient) (err error) {
	q := r.query()
	flags := os.O_RDWR | os.O_CREATE
	if !r.resume {
		flags |= os.O_EXCL
	}
	f, err := os.OpenFile(r.file, flags, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return withHint(fmt.Errorf("%s exists", r.file), "--resume, if it was cut short, or another file")
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	had := int64(0)
	var next domain.Position
	if r.resume {
		if had, next, err = r.whole(f); err != nil {
			return err
		}
		if next > 0 {
			q.Set("from", strconv.FormatUint(uint64(next), 10))
		}
	}
	told := &saving{f: f, bar: r.newProgress("replay", 0), drop: had > 0 && r.format == "csv"}
	if _, err = r.copy(ctx, to, q, told); err != nil {
		return err
	}
	told.bar.end()
	r.stderr.line("%s %s to %s", count(told.lines, "line"), map[bool]string{true: "added", false: "written"}[had > 0], r.file)
	return f.Sync()
}

// mostOfLine is how long a line may be: an event and its attributes, escaped.
const mostOfLine = 8 << 20

// whole cuts a file behind its last whole line, and returns how long it is then and the
// position behind that of the line; 0 when there is none.
func (r *replay) whole(f *os.File) (int64, domain.Position, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, 0, err
	}
	tail := make([]byte, min(info.Size(), 2*mostOfLine))
	begin := info.Size() - int64(len(tail))
	if _, err := f.ReadAt(tail, begin); err != nil && !errors.Is(err, io.EOF) {
		return 0, 0, err
	}
	end := bytes.LastIndexByte(tail, '\n') + 1
	size := begin + int64(end)
	// It is looked at before it is cut: it may be another file than was meant.
	next, err := r.behind(tail[:end])
	switch {
	case err != nil:
		return 0, 0, withHint(fmt.Errorf("%s: its last line is none of replay's: %w", r.file, err), "another file")
	case end == 0 && (begin > 0 || !begun(tail, r.format)):
		return 0, 0, withHint(fmt.Errorf("%s: does not begin with a line of replay's", r.file), "another file")
	}
	if err := f.Truncate(size); err != nil {
		return 0, 0, err
	}
	_, err = f.Seek(size, io.SeekStart)
	return size, next, err
}

// behind is the position behind that of the last of some lines; 0 when there is none.
func (r *replay) behind(lines []byte) (domain.Position, error) {
	if len(lines) == 0 {
		return 0, nil
	}
	last := lines[bytes.LastIndexByte(lines[:len(lines)-1], '\n')+1:]
	at, header, err := positionOf(last, r.format)
	if err != nil || header {
		return 0, err
	}
	return at + 1, nil
}

// begun reports whether a text is the beginning of a first line, or nothing.
func begun(text []byte, format string) bool {
	first := []string{`{"specversion":"1.0","position":"`, `{"position":"`}
	if format == "csv" {
		first = []string{"position,recorded_at,"}
	}
	return slices.ContainsFunc(first, func(begin string) bool {
		n := min(len(text), len(begin))
		return string(text[:n]) == begin[:n]
	})
}

// positionOf reads the position of a line of either form; header says that it is the
// first of CSV.
func positionOf(line []byte, format string) (at domain.Position, header bool, err error) {
	if format == "csv" {
		row, err := csv.NewReader(bytes.NewReader(line)).Read()
		if err != nil {
			return 0, false, err
		}
		if row[0] == "position" {
			return 0, true, nil
		}
		n, err := strconv.ParseUint(row[0], 10, 63)
		return domain.Position(n), false, err
	}
	var l struct{ Position string }
	if err := json.Unmarshal(line, &l); err != nil {
		return 0, false, err
	}
	n, err := strconv.ParseUint(l.Position, 10, 63)
	return domain.Position(n), false, err
}

// saving counts the lines that it writes to a file, and tells of them. It drops the
// first where that is a header for which the file has no use any more.
type saving struct {
	f     *os.File
	bar   *progress
	lines int
	drop  bool
}

func (s *saving) Write(b []byte) (int, error) {
	n := len(b)
	if s.drop {
		_, rest, found := bytes.Cut(b, []byte("\n"))
		if !found {
			return n, nil
		}
		s.drop, b = false, rest
	}
	s.lines += bytes.Count(b, []byte("\n"))
	s.bar.step("%s", count(s.lines, "line"))
	if _, err := s.f.Write(b); err != nil {
		return 0, err
	}
	return n, nil
}

// mostSent is how many events are sent at a time at most.
const mostSent = 500

// send sends the events to another tillstream.
func (r *replay) send(ctx context.Context, from *storeClient) error {
	token := Secret(r.getenv(envPrefix + "TO_TOKEN"))
	if r.toToken != "" {
		b, err := os.ReadFile(r.toToken)
		if err != nil {
			return fmt.Errorf("the token of %s: %w", r.to, err)
		}
		token = Secret(strings.TrimSpace(string(b)))
	}
	store := r.toStore
	if store == "" {
		store = from.store
	}
	s := sending{replay: r, to: &storeClient{client: newClient(strings.TrimSuffix(r.to, "/"), token), store: store}, bar: r.newProgress("replay", 0)}
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
	s.bar.end()
	r.stderr.line("%s", sentence(count(s.sent, "event")+" sent to "+r.to, some(s.duplicates, "there already"), some(s.unreadable, "passed over that are no events")))
	return nil
}

// sending is the other side of a replay.
type sending struct {
	*replay
	to     *storeClient
	bar    *progress
	faster float64 // 0 is as fast as it goes

	first, began                 time.Time // of the recording, and of the sending
	waiting                      bytes.Buffer
	n                            int // events that wait
	sent, duplicates, unreadable int
}

// take takes one line, and sends what waits when that is much, or the line is not due
// yet.
func (s *sending) take(ctx context.Context, line []byte) error {
	bare, recorded, err := bareEvent(line)
	if err != nil {
		return err
	}
	if bare == nil {
		s.unreadable++
		return nil
	}
	if s.began.IsZero() {
		s.first, s.began = recorded, s.now()
	}
	if s.faster > 0 {
		due := s.began.Add(time.Duration(float64(recorded.Sub(s.first)) / s.faster))
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
	if s.n++; s.n < mostSent && s.waiting.Len() < 1<<20 {
		return nil
	}
	return s.flush(ctx)
}

// bareEvent is an event as it was published, without where it lies, and when it was
// recorded; nil for a message that is none.
func bareEvent(line []byte) ([]byte, time.Time, error) {
	const begin = `{"specversion":"1.0"`
	var at struct{ RecordedAt time.Time }
	rest := bytes.Index(line, []byte(`,"id":`))
	if !bytes.HasPrefix(line, []byte(begin)) || rest < 0 {
		return nil, at.RecordedAt, nil
	}
	if err := json.Unmarshal(append(line[:rest:rest], '}'), &at); err != nil {
		return nil, at.RecordedAt, fmt.Errorf("the line %s: %w", line, err)
	}
	return append([]byte(begin), line[rest:]...), at.RecordedAt, nil
}

// flush sends what waits and hears of each event that it is recorded.
func (s *sending) flush(ctx context.Context) error {
	if s.n == 0 {
		return nil
	}
	refused := ""
	err := s.to.told(ctx, call{method: http.MethodPost, path: s.to.path("events"), kind: "application/x-ndjson", body: bytes.NewReader(s.waiting.Bytes())}, func(raw json.RawMessage) error {
		var a appended
		if err := json.Unmarshal(raw, &a); err != nil {
			return fmt.Errorf("the answer %s: %w", raw, err)
		}
		switch {
		case a.Error != nil && refused == "":
			refused = fmt.Sprintf("event %s: %s", a.ID, inFull(a.Error).Detail)
		case a.Error == nil:
			s.sent++
			if a.Duplicate {
				s.duplicates++
			}
		}
		return nil
	})
	s.waiting.Reset()
	s.n = 0
	if err != nil {
		return fmt.Errorf("send to %s, after %s: %w", s.replay.to, count(s.sent, "event"), err)
	}
	if refused != "" {
		return withHint(fmt.Errorf("%s refuses an event, after %s: %s", s.replay.to, count(s.sent, "event"), refused), "mend it there, and the same again: what it has is not recorded twice")
	}
	s.bar.step("%s sent", count(s.sent, "event"))
	return nil
}
