package projections

import (
	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/domain/pack"
)

// packedPublication is a publication as memory holds it that is to hold very many: in one
// piece that the garbage collector need not look into. The empty one is none.
type packedPublication string

// publicationHead is what stands in front of the rest.
type publicationHead struct {
	sync                      domain.Position
	linked, held, quarantined bool
	bigCommerceID             int64 // of the twin
}

func (h *publicationHead) pack(p *pack.Packer) {
	pack.Number(p, &h.sync)
	pack.Flags(p, &h.linked, &h.held, &h.quarantined)
	if h.linked {
		pack.Integer(p, &h.bigCommerceID)
	}
}

// pack returns the packed form.
func (pub *Publication) pack() packedPublication {
	head := publicationHead{sync: pub.Sync, linked: pub.Link != nil, held: pub.Held != nil, quarantined: len(pub.Quarantined) > 0}
	if head.linked {
		head.bigCommerceID = pub.Link.BigCommerceID
	}
	var room [512]byte
	p := pack.Writer(room[:0])
	head.pack(&p)
	pub.packRest(&p)
	return packedPublication(p.Bytes())
}

// head reads what stands in front.
func (s packedPublication) head() (h publicationHead) {
	p := pack.Reader(string(s))
	h.pack(&p)
	return h
}

// unpack undoes pack. The texts are parts of s.
func (s packedPublication) unpack() (pub Publication) {
	if s == "" {
		return pub
	}
	var h publicationHead
	p := pack.Reader(string(s))
	h.pack(&p)
	pub.Sync = h.sync
	pub.packRest(&p)
	return pub
}

// packRest goes over every field but Sync.
func (pub *Publication) packRest(p *pack.Packer) {
	pack.Optional(p, &pub.Link, domain.PackLink)
	pack.Optional(p, &pub.Creating, func(p *pack.Packer, c *Creating) {
		pack.Text(p, &c.Name)
		pack.Texts(p, &c.SKUs)
		pack.Time(p, &c.At)
	})
	packConfirmed(p, &pub.Confirmed)
	pack.Optional(p, &pub.Refused, func(p *pack.Packer, r *Refused) {
		pack.Number(p, &r.Position)
		pack.Integer(p, &r.Status)
		pack.Text(p, &r.Reason)
		pack.Text(p, &r.Field)
		pack.Time(p, &r.At)
	})
	pack.Optional(p, &pub.Held, func(p *pack.Packer, h *Hold) {
		pack.Number(p, &h.Position)
		pack.Text(p, &h.Guard)
		pack.Text(p, &h.Reason)
		pack.Time(p, &h.At)
	})
	pack.Flags(p, &pub.Approved)
	pack.Number(p, &pub.Discarded)
	pack.Optional(p, &pub.Wanted, func(p *pack.Packer, w *Wanted) {
		pack.Number(p, &w.Position)
		pack.Text(p, &w.Digest)
		pack.Text(p, &w.Was)
		pack.Text(p, &w.Reason)
		pack.Time(p, &w.At)
	})
	pack.List(p, &pub.Quarantined, func(p *pack.Packer, q *Quarantine) {
		pack.Text(p, &q.Item)
		pack.Number(p, &q.Position)
		pack.Text(p, &q.Reason)
	})
	pack.Text(p, &pub.Trail)
}

func packConfirmed(p *pack.Packer, c *Confirmed) {
	pack.Number(p, &c.Position)
	pack.Integer(p, &c.BigCommerceID)
	pack.Text(p, &c.Digest)
	pack.Time(p, &c.At)
	pack.Text(p, &c.RequestID)
	pack.Optional(p, &c.Offer, domain.PackOffer)
}
