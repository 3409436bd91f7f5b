package streams

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/tillstream/tillstream/domain"
)

// Tiles holds the hashes of the trees over the logs, in complete tiles that are written
// once. All of it can be computed again from the logs; what was computed when a message
// was new says which one has changed. It is safe for concurrent use, by one writer.
type Tiles struct{ conn *Conn }

// tilesConfig is a log with a subject for each tile. On a single server it is written
// without fsync: what a power cut takes is its end, which is computed again.
func (c *Conn) tilesConfig() jetstream.StreamConfig {
	cfg := c.logConfig(streamTiles, tilesPrefix, "hashes of the trees over the logs, by log, level and number")
	cfg.Subjects = []string{tilesPrefix + ".*.*.*"}
	cfg.Duplicates = bucketDuplicateWindow // they have no message ids
	if c.cfg.Replicas == 1 {
		cfg.PersistMode = jetstream.AsyncPersistMode
	}
	return cfg
}

// Name is the name of the stream.
func (t *Tiles) Name() string { return streamTiles }

func tilesOf(log string, level int) string {
	return tilesPrefix + "." + log + "." + strconv.Itoa(level) + "."
}

// Put keeps a tile. A tile that is there already stays as it is; when it is not the
// same the error is [domain.ErrConflict].
func (t *Tiles) Put(ctx context.Context, log string, level int, n int64, tile []byte) error {
	_, err := t.conn.js.PublishMsg(ctx, &nats.Msg{
		Subject: tilesOf(log, level) + strconv.FormatInt(n, 10), Data: tile,
		Header: nats.Header{jetstream.ExpectedLastSubjSeqHeader: {"0"}},
	})
	if err == nil {
		return nil
	}
	if !lostRace(err) {
		return fmt.Errorf("keep tile %d of level %d of %s: %w", n, level, log, t.conn.translate(err))
	}
	there, err := t.Get(ctx, log, level, n)
	if err != nil {
		return err
	}
	if !bytes.Equal(there, tile) {
		return fmt.Errorf("tile %d of level %d of %s: the one that is kept differs: %w", n, level, log, domain.ErrConflict)
	}
	return nil
}

// Get reads a tile. The error is [domain.ErrNotFound] when it is not there.
func (t *Tiles) Get(ctx context.Context, log string, level int, n int64) ([]byte, error) {
	raw, err := t.conn.lastMessage(ctx, streamTiles, tilesOf(log, level)+strconv.FormatInt(n, 10))
	if err != nil {
		return nil, fmt.Errorf("read tile %d of level %d of %s: %w", n, level, log, err)
	}
	return raw.Data, nil
}

// Count is how many tiles of a level there are, when they are the first ones: one more
// than the number of the newest.
func (t *Tiles) Count(ctx context.Context, log string, level int) (int64, error) {
	raw, err := t.conn.lastMessage(ctx, streamTiles, tilesOf(log, level)+"*")
	if errors.Is(err, domain.ErrNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("count the tiles of %s: %w", log, err)
	}
	n, err := numberOf(raw.Subject)
	return n + 1, err
}

func numberOf(subject string) (int64, error) {
	n, err := strconv.ParseInt(subject[strings.LastIndexByte(subject, '.')+1:], 10, 63)
	if err != nil || n < 0 {
		return 0, fmt.Errorf("tile %s: its number cannot be read", subject)
	}
	return n, nil
}

// Read calls do for every tile of a level that there is, in the order in which they
// were written.
func (t *Tiles) Read(ctx context.Context, log string, level int, do func(n int64, tile []byte) error) error {
	return t.conn.readAll(ctx, streamTiles, tilesOf(log, level)+"*", jetstream.OrderedConsumerConfig{}, func(msg jetstream.Msg, _ *jetstream.MsgMetadata) error {
		n, err := numberOf(msg.Subject())
		if err != nil {
			return err
		}
		return do(n, msg.Data())
	})
}
