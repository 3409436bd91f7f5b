package projections

import (
	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/domain/pack"
)

// packedPublication is a publication as memory holds it that is to hold very many: in one
// piece that the garbage collector need not look into. The empty one is none.
type packedPublication string

// publicationHead is what stands in front of the rest: what there is of it, and what
// mostly decides alone where the product stands.
type publicationHead struct {
	sync                                                                      domain.Position
	linked, creating, refused, unoffered, held, wanted, quarantined, approved bool
	bigCommerceID                                                             int64           // of the twin
	confirmed, discarded                                                      domain.Position // see [Confirmed], [Publication]
}

func (h *publicationHead) pack(p *pack.Packer) {
	pack.Number(p, &h.sync)
	pack.Flags(p, &h.linked, &h.creating, &h.refused, &h.held, &h.wanted, &h.quarantined, &h.approved, &h.unoffered)
	if h.linked {
		pack.Integer(p, &h.bigCommerceID)
	}
	pack.Number(p, &h.confirmed)
	pack.Number(p, &h.discarded)
}

// head is what stands in front of the packed form.
func (pub *Publication) head() publicationHead {
	h := publicationHead{
		sync:   pub.Sync,
		linked: pub.Link != nil, creating: pub.Creating != nil, refused: pub.Refused != nil, unoffered: pub.Unoffered != nil, held: pub.Held != nil,
		wanted: pub.Wanted != nil, quarantined: len(pub.Quarantined) > 0, approved: pub.Approved,
		confirmed: pub.Confirmed.Position, discarded: pub.Discarded,
	}
	if h.linked {
		h.bigCommerceID = pub.Link.BigCommerceID
	}
	return h
}

// pack returns the packed form.
func (pub *Publication) pack() packedPublication {
	head := pub.head()
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

// outline is as much of the publication as decides where its product stands: all of it, if
// it is one of the few with more than a twin and a confirmed push.
func (s packedPublication) outline() Publication {
	h := s.head()
	if h.creating || h.refused || h.unoffered || h.held || h.wanted || h.quarantined {
		return s.unpack()
	}
	pub := Publication{Sync: h.sync, Approved: h.approved, Discarded: h.discarded, Confirmed: Confirmed{Position: h.confirmed}}
	if h.linked {
		pub.Link = &domain.Link{BigCommerceID: h.bigCommerceID}
	}
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
	pack.Optional(p, &pub.Unoffered, func(p *pack.Packer, u *Unoffered) {
		pack.Integer(p, &u.Status)
		pack.Text(p, &u.Reason)
		pack.Time(p, &u.At)
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
