package streams

import (
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// What tests need of the broker itself.

func (c *Conn) JetStream() jetstream.JetStream { return c.js }
func (c *Conn) Server() *server.Server         { return c.srv }
func (c *Conn) NATS() *nats.Conn               { return c.nc }

func (c *Conn) Translate(err error) error { return c.translate(err) }

// ReadThrough puts something between the connection and what its readers ask for, as if
// the streams had so many replicas.
func (c *Conn) ReadThrough(wrap func(jetstream.JetStream) jetstream.JetStream, replicas int) {
	c.readJS, c.cfg.Replicas = wrap(c.readJS), replicas
}

// Impatient has readers look early for messages that the client does not hand out.
func (c *Conn) Impatient(d time.Duration) { c.impatient = d }
