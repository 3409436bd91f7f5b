package main

import (
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

	"github.com/spf13/cobra"

	"github.com/tillstream/tillstream/domain"
)

func (c *cli) replayCommand() *cobra.Command {
	r := replay{cli: c}
	cmd := &cobra.Command{
		Use:   "replay",
		Short: "Print the events of a log as they were recorded, or send them to another installation",
		Long: `replay prints what the POS log holds, or the SYNC log: every event, as it was published,
one CloudEvents document per line, with its position, the time at which it was recorded
and its store besides. What is no event has a line with the reason, and no specversion.

-o FILE writes to a file and tells how far it is. --resume goes on with one that was cut
short, behind its last whole line, if the same events are chosen.

--to URL sends the events to another tillstream, at the speed at which they were recorded
times --speed. They keep their ids, so that sending some of them again within a day
changes nothing. What the other refuses and is a dead letter here, too, is named and
passed over. The token of the other is read from --to-token-file or ` + envPrefix + `TO_TOKEN.

--to nats://HOST publishes them into the POS log of another installation, at its NATS
servers, for which the user needs no right but that. --resume goes on behind the newest
event of the store there, whenever that was, for which the user needs to read it.
` + momentHelp,
		Example: `  tillstream replay | jq -r .type | sort | uniq -c
  tillstream replay --log SYNC --from 24h --format csv -o pushes.csv
  tillstream replay --item CK-121
  tillstream replay --to https://till.example.org --to-token-file token --speed 10
  tillstream replay --to tls://nats-1:4222,tls://nats-2:4222 --to-credentials app.creds`,
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
	cmd.Flags().BoolVar(&r.resume, "resume", false, "go on with the file of --output, or the log of --to nats://…, where it was cut short")
	cmd.Flags().StringVar(&r.to, "to", "", "send to the tillstream, or the NATS servers, at this `URL`")
	cmd.Flags().StringVar(&r.toStore, "to-store", "", "the `id` that the store has there; by default the same")
	cmd.Flags().StringVar(&r.toToken, "to-token-file", "", "`FILE` with the token of the other ("+envPrefix+"TO_TOKEN)")
	r.toAccess.flags(cmd)
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
	toAccess                    natsAccess
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
	_, notNATS := natsURLs(r.to)
	switch {
	case !slices.Contains([]string{"POS", "SYNC"}, r.log):
		return misuse("--log %q: must be POS or SYNC", r.log)
	case !slices.Contains([]string{"ndjson", "csv"}, r.format):
		return misuse("--format %q: must be ndjson or csv", r.format)
	case r.resume && r.file == "" && (r.to == "" || notNATS != nil):
		return misuse("--resume goes on with a file, named with --output, or with a log at --to nats://…")
	case r.to == "":
		return errors.Join(r.toAccess.check(false), r.checkSelection(&r.chosen))
	case notNATS != nil && (err != nil || !slices.Contains([]string{"http", "https"}, at.Scheme) || at.Host == ""):
		return misuse("--to %q: must be the URL of a tillstream, such as http://127.0.0.1:8080, or of NATS servers, such as nats://nats-1:4222", bareURL(r.to))
	case notNATS == nil && r.toToken != "":
		return misuse("--to-token-file is the token of a tillstream; NATS servers take --to-user or --to-credentials")
	case r.file != "" || r.format != "ndjson":
		return misuse("--to sends the events; it goes without --output and --format")
	case r.log != "POS":
		return misuse("--to takes the POS log only: what a tillstream has pushed is its own")
	}
	return errors.Join(r.toAccess.check(notNATS == nil), r.checkSelection(&r.chosen))
}

// bareURL is a URL without a password, nothing of what is none.
func bareURL(text string) string {
	u, err := url.Parse(text)
	if err != nil {
		return ""
	}
	return u.Redacted()
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
