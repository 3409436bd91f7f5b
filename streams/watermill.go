package streams

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"time"

	"github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/ThreeDotsLabs/watermill/message/router/middleware"

	"github.com/tillstream/tillstream/domain"
)

// Metadata keys of the Watermill messages that a [Subscriber] delivers, besides the
// message's own headers. The payload is the message's data; the UUID names stream
// and position.
const (
	MetadataStream     = "tillstream-stream"
	MetadataSubject    = "tillstream-subject"
	MetadataPosition   = "tillstream-position" // a bucket's revision
	MetadataRecordedAt = "tillstream-recorded-at"
)

// NewRouter makes a Watermill router whose handlers return verdicts: see
// [Permanent] and [RetryAfter]. From the outside in:
//
//   - verdict: repeats a handler until it succeeds, gives up for good or the router
//     stops; what is given up becomes a dead letter, and the message counts as done
//     when the letter is stored;
//   - correlation: what a handler publishes bears the correlation id of what it
//     handled;
//   - recoverer: a panic is an error like any other.
//
// The caller adds handlers and runs the router until its context ends.
func (c *Conn) NewRouter(logger *slog.Logger) (*message.Router, error) {
	if logger == nil {
		logger = c.cfg.Logger
	}
	router, err := message.NewRouter(message.RouterConfig{CloseTimeout: closeTimeout}, watermillLog(logger))
	if err != nil {
		return nil, fmt.Errorf("router: %w", err)
	}
	router.AddMiddleware(verdict(c.dead, logger), middleware.CorrelationID, middleware.Recoverer)
	return router, nil
}

// watermillLog takes what Watermill says. Its account of its own comings and goings
// is for whoever looks for a fault.
func watermillLog(logger *slog.Logger) watermill.LoggerAdapter {
	return watermill.NewSlogLoggerWithLevelMapping(logger, map[slog.Level]slog.Level{slog.LevelInfo: slog.LevelDebug})
}

// closeTimeout bounds how long a stopping router waits for its handlers.
const closeTimeout = 30 * time.Second

// verdict makes the middleware that acts on a handler's error. It waits inside the
// handler, since a nack carries neither a reason nor a time.
func verdict(box *DeadLetters, logger *slog.Logger) message.HandlerMiddleware {
	return func(next message.HandlerFunc) message.HandlerFunc {
		return func(msg *message.Message) ([]*message.Message, error) {
			ctx := msg.Context()
			handler := message.HandlerNameFromCtx(ctx)
			for attempt := 0; ; attempt++ {
				out, err := next(msg)
				if err == nil {
					return out, nil
				}
				if ctx.Err() != nil {
					return nil, ctx.Err()
				}
				if IsPermanent(err) {
					if err = giveUp(ctx, box, msg, handler, err); err == nil {
						return nil, nil
					}
				}
				delay := retryDelay(err, attempt)
				logger.Warn("a handler failed", "handler", handler, "message", msg.UUID, "attempt", attempt+1, "again_in", delay, "error", err)
				if err := wait(ctx, delay); err != nil {
					return nil, err
				}
			}
		}
	}
}

// giveUp stores a message as a dead letter.
func giveUp(ctx context.Context, box *DeadLetters, msg *message.Message, handler string, reason error) error {
	original, err := box.conn.original(ctx, msg)
	if err != nil {
		return fmt.Errorf("%w, given up because: %w", err, reason)
	}
	_, err = box.Put(ctx, original, Failed, reason.Error(), handler)
	return err
}

// original is the stream message that a Watermill message was made of, as it lies in
// the stream. What a bucket has overwritten meanwhile is made up from the copy.
func (c *Conn) original(ctx context.Context, msg *message.Message) (Message, error) {
	stream := msg.Metadata.Get(MetadataStream)
	at, err := strconv.ParseUint(msg.Metadata.Get(MetadataPosition), 10, 64)
	if err != nil {
		return Message{}, fmt.Errorf("message %s is not from a stream: %w", msg.UUID, err)
	}
	recorded, err := time.Parse(time.RFC3339Nano, msg.Metadata.Get(MetadataRecordedAt))
	if err != nil {
		return Message{}, fmt.Errorf("message %s is not from a stream: %w", msg.UUID, err)
	}
	raw, err := c.messageAt(ctx, stream, at)
	switch {
	case errors.Is(err, domain.ErrNotFound):
		return newMessage(stream, prefixOf(stream), msg.Metadata.Get(MetadataSubject), nil, msg.Payload, at, recorded), nil
	case err != nil:
		return Message{}, err
	}
	return newMessage(stream, prefixOf(stream), raw.Subject, raw.Header, raw.Data, at, recorded), nil
}
