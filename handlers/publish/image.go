package publish

import (
	"context"

	"github.com/tillstream/tillstream/handlers/bigcommerce"
)

// mostImages bounds how many images are sent between two rounds, each being a
// request.
const mostImages = 20

// image is one to be given to a created product. An image that may have
// arrived is not tried again: BigCommerce has no key that would keep a second try
// from adding a second one.
type image struct {
	twin    bigcommerce.ProductID
	address string
}

// illustrateLater remembers the images of a created product for when its link is
// recorded.
func (p *Publisher) illustrateLater(t *task) {
	for _, address := range t.images {
		if len(address) <= mostImageURL {
			p.images = append(p.images, image{bigcommerce.ProductID(t.twin.BigCommerceID), address})
		}
	}
}

// illustrate sends some of the images that wait.
func (p *Publisher) illustrate(ctx context.Context) error {
	for range min(mostImages, len(p.images)) {
		pass, err := p.patience.enter(ctx)
		if err != nil {
			return err
		}
		next := p.images[0]
		_, err = p.cfg.Client.CreateImage(ctx, next.twin, next.address)
		if over(ctx) {
			pass.unused()
			return context.Cause(ctx)
		}
		if v := bigcommerce.VerdictOf(err); err == nil || v == bigcommerce.Permanent || v == bigcommerce.Ambiguous {
			p.images = p.images[1:]
		}
		if blame(err) == store {
			pass.failed(err, notBefore(err))
		} else {
			pass.succeeded()
		}
	}
	return nil
}
