package publish

import (
	"context"
	"fmt"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/handlers/bigcommerce"
)

const (
	// mostImages bounds how many images are sent between two rounds, each being a
	// request.
	mostImages = 20
	// mostImageURL is the longest address that BigCommerce takes, in bytes.
	mostImageURL = 255
)

// image is one to be given to a created product. An image that may have
// arrived is not tried again: BigCommerce has no key that would keep a second try
// from adding a second one.
type image struct {
	product domain.ProductID
	twin    bigcommerce.ProductID
	address string
}

// illustrateLater remembers the images of a created product for when its link is
// recorded. They are forgotten with the process: the merchant owns the images from
// the first one on.
func (p *Publisher) illustrateLater(t *task) {
	if p.cfg.NoImages {
		return
	}
	for _, address := range t.images {
		p.images = append(p.images, image{t.product, bigcommerce.ProductID(t.twin.BigCommerceID), address})
	}
}

// illustrate sends some of the images that wait, and records what became of them.
func (p *Publisher) illustrate(ctx context.Context) error {
	var notes []note
	for range min(mostImages, len(p.images)) {
		next := p.images[0]
		done, err := p.sendImage(ctx, next)
		if over(ctx) {
			return context.Cause(ctx)
		}
		if !done {
			continue
		}
		p.images = p.images[1:]
		sent := &domain.ImageSent{Product: next.product, BigCommerceID: int64(next.twin), URL: next.address}
		if err != nil {
			sent.Error = shorten(err.Error(), mostReason)
		}
		notes = append(notes, note{event: sent})
	}
	return p.record(ctx, notes)
}

// sendImage reports whether an image is done with, and if BigCommerce has not taken
// it, or may not have, why.
func (p *Publisher) sendImage(ctx context.Context, i image) (done bool, _ error) {
	if n := len(i.address); n > mostImageURL {
		return true, fmt.Errorf("its address has %d bytes, and BigCommerce takes at most %d", n, mostImageURL)
	}
	pass, err := p.patience.enter(ctx)
	if err != nil {
		return false, err
	}
	_, err = p.cfg.Client.CreateImage(ctx, i.twin, i.address)
	switch {
	case over(ctx):
		pass.unused()
		return false, err
	case blame(err) == store:
		pass.failed(err, notBefore(err))
	default:
		pass.succeeded()
	}
	v := bigcommerce.VerdictOf(err)
	return err == nil || v == bigcommerce.Permanent || v == bigcommerce.Ambiguous, err
}
