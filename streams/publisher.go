package streams

import (
	"fmt"
	"strings"

	wmnats "github.com/ThreeDotsLabs/watermill-nats/v2/pkg/nats"
	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/nats-io/nats.go"
)

// newPublisher makes a Watermill publisher to whichever stream holds the subject
// that is given as the topic. It returns when the server has acknowledged. Nobody
// closes it: its connection is ours.
func (c *Conn) newPublisher() (message.Publisher, error) {
	out, err := wmnats.NewPublisherWithNatsConn(c.nc, wmnats.PublisherPublishConfig{
		Marshaler:         marshaler{},
		SubjectCalculator: wmnats.DefaultSubjectCalculator,
		JetStream:         wmnats.JetStreamConfig{ConnectOptions: []nats.JSOpt{nats.MaxWait(ackWait)}},
	}, watermillLog(c.cfg.Logger))
	if err != nil {
		return nil, fmt.Errorf("publisher: %w", err)
	}
	return out, nil
}

// marshaler makes a stream message of a Watermill message: its metadata are the
// headers. A header with several values has them on lines of their own, since a
// value cannot hold a line break.
type marshaler struct{}

var _ wmnats.Marshaler = marshaler{}

// Marshal never fails.
func (marshaler) Marshal(topic string, msg *message.Message) (*nats.Msg, error) {
	h := make(nats.Header, len(msg.Metadata))
	for name, values := range msg.Metadata {
		h[name] = strings.Split(values, "\n")
	}
	return &nats.Msg{Subject: topic, Header: h, Data: msg.Payload}, nil
}

// toWatermill undoes [marshaler.Marshal].
func toWatermill(m *nats.Msg) *message.Message {
	msg := message.NewMessage(m.Header.Get(nats.MsgIdHdr), m.Data)
	for name, values := range m.Header {
		msg.Metadata[name] = strings.Join(values, "\n")
	}
	return msg
}
