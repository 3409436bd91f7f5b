package streams

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"

	"github.com/nats-io/nats.go/jetstream"
)

// setting is one field of a stream that has to be as declared.
type setting struct {
	name string
	of   func(jetstream.StreamConfig) any
	// flag is what mends it with "nats stream edit"; "%v" takes the wanted value.
	// Empty when the server refuses to change it.
	flag string
}

// settings lists every field that could make a log forget, refuse, rewrite or
// expose something, or a bucket keep too much or lose what it holds.
func settings() []setting {
	return []setting{
		{"subjects", func(c jetstream.StreamConfig) any { return strings.Join(c.Subjects, ",") }, "--subjects=%v"},
		{"retention", func(c jetstream.StreamConfig) any { return c.Retention }, ""},
		{"storage", func(c jetstream.StreamConfig) any { return c.Storage }, ""},
		{"persist_mode", func(c jetstream.StreamConfig) any { return c.PersistMode }, ""},
		{"max_consumers", func(c jetstream.StreamConfig) any { return c.MaxConsumers }, ""},
		{"max_msgs", func(c jetstream.StreamConfig) any { return c.MaxMsgs }, "--max-msgs=%v"},
		{"max_bytes", func(c jetstream.StreamConfig) any { return c.MaxBytes }, "--max-bytes=%v"},
		{"max_age", func(c jetstream.StreamConfig) any { return c.MaxAge }, "--max-age=%v"},
		{"max_msgs_per_subject", perSubject, "--max-msgs-per-subject=%v"},
		{"max_msg_size", func(c jetstream.StreamConfig) any { return c.MaxMsgSize }, "--max-msg-size=%v"},
		{"discard", func(c jetstream.StreamConfig) any { return c.Discard }, "--discard=%v"},
		{"discard_new_per_subject", func(c jetstream.StreamConfig) any { return c.DiscardNewPerSubject }, "--[no-]discard-per-subject"},
		{"num_replicas", func(c jetstream.StreamConfig) any { return c.Replicas }, "--replicas=%v"},
		{"duplicate_window", func(c jetstream.StreamConfig) any { return c.Duplicates }, "--dupe-window=%v"},
		{"deny_delete", func(c jetstream.StreamConfig) any { return c.DenyDelete }, "--[no-]deny-delete"},
		{"deny_purge", func(c jetstream.StreamConfig) any { return c.DenyPurge }, "--[no-]deny-purge"},
		{"allow_rollup_hdrs", func(c jetstream.StreamConfig) any { return c.AllowRollup }, "--[no-]allow-rollup"},
		{"allow_atomic", func(c jetstream.StreamConfig) any { return c.AllowAtomicPublish }, "--[no-]allow-batch"},
		{"allow_direct", func(c jetstream.StreamConfig) any { return c.AllowDirect }, "--[no-]allow-direct"},
		{"compression", compression, "--compression=%v"},
		{"allow_msg_ttl", func(c jetstream.StreamConfig) any { return c.AllowMsgTTL }, ""},
		{"allow_msg_counter", func(c jetstream.StreamConfig) any { return c.AllowMsgCounter }, ""},
		{"allow_msg_schedules", func(c jetstream.StreamConfig) any { return c.AllowMsgSchedules }, "--[no-]allow-schedules"},
		{"no_ack", func(c jetstream.StreamConfig) any { return c.NoAck }, "--ack"},
		{"sealed", func(c jetstream.StreamConfig) any { return c.Sealed }, ""},
		{"mirror", func(c jetstream.StreamConfig) any { return c.Mirror != nil }, "--no-mirror"},
		{"sources", func(c jetstream.StreamConfig) any { return len(c.Sources) }, ""},
		{"subject_transform", func(c jetstream.StreamConfig) any { return c.SubjectTransform != nil }, "--no-transform"},
		{"republish", func(c jetstream.StreamConfig) any { return c.RePublish != nil }, "--no-republish"},
	}
}

// perSubject is the limit of a subject, -1 for none. Logs that were made without noLimit
// have larger blocks, and are as good otherwise.
func perSubject(c jetstream.StreamConfig) any {
	if c.MaxMsgsPerSubject >= noLimit {
		return int64(-1)
	}
	return c.MaxMsgsPerSubject
}

// compression is none also where it is not, unless the stream is replicated. Logs were
// compressed once, and who has little disk may do it again; their content is the same.
//
// A server of a cluster that comes back after a kill or a power cut cuts a replicated
// stream back to its last snapshot before it replays its Raft log; server 2.15.2 then
// compresses, in the background, the very block that it goes on to write to, and what is
// written behind cannot be read any more, nor can the server start again.
// TestCluster_Crash shows it.
func compression(c jetstream.StreamConfig) any {
	if c.Replicas <= 1 {
		return jetstream.NoCompression
	}
	return c.Compression
}

// drift compares what a stream is with what it must be.
func (c *Conn) drift(want, got jetstream.StreamConfig) error {
	var errs []error
	for _, s := range settings() {
		w, g := s.of(want), s.of(got)
		if reflect.DeepEqual(w, g) {
			continue
		}
		errs = append(errs, &DriftError{Stream: want.Name, Field: s.name, Want: show(w), Got: show(g), Mend: c.mend(want.Name, s, w)})
	}
	return errors.Join(errs...)
}

func (c *Conn) mend(stream string, s setting, want any) string {
	nats := "nats --server " + c.ClientURL()
	if c.srv != nil {
		nats += fmt.Sprintf(` --user %s --password "$(cat %s)"`, operatorUser, c.PasswordFile(operatorUser))
	}
	if s.flag == "" && rebuildable(stream) {
		return "run `tillstream rebuild`, which makes it again and fills it from the log"
	}
	if s.flag == "" || (s.name == "deny_delete" || s.name == "deny_purge") && want == false {
		return fmt.Sprintf("the server cannot change this in place: back up with `%s stream backup %s FOLDER`, then move the events to a stream made by tillstream", nats, stream)
	}
	flag := s.flag
	switch v := want.(type) {
	case bool:
		if v {
			flag = strings.Replace(flag, "[no-]", "", 1)
		} else {
			flag = strings.Replace(flag, "[no-]", "no-", 1)
		}
	default:
		flag = fmt.Sprintf(flag, show(want))
	}
	return fmt.Sprintf("mend it with `%s stream edit %s %s --force`", nats, stream, flag)
}

// rebuildable reports whether everything that a stream holds is folded from a log.
func rebuildable(stream string) bool {
	return stream == streamPublications || strings.HasPrefix(stream, streamProducts)
}

// show writes a value as the server and its tool do.
func show(v any) string {
	if m, ok := v.(json.Marshaler); ok {
		if b, err := m.MarshalJSON(); err == nil {
			return strings.Trim(string(b), `"`)
		}
	}
	return fmt.Sprint(v)
}
