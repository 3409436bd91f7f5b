package publish

import (
	"fmt"
	"strings"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/handlers/bigcommerce"
)

// concern is what a guard may have against a push: a set of the following.
type concern uint8

const (
	soldOut concern = 1 << iota
	hidden
	repriced
	undescribed
	unbranded
)

// What each guard looks at.
const (
	massChange = soldOut | hidden | repriced
	emptyText  = undescribed | unbranded
)

// against is what a guard looks at.
func against(g domain.Guard) concern {
	if g == domain.GuardEmpties {
		return emptyText
	}
	return massChange
}

// judgement is what the guards found about one push.
type judgement struct {
	before   *domain.Offer // that BigCommerce was told last; nil when that is not known
	after    domain.Offer
	concerns concern
}

// judge compares a push with what BigCommerce was told last.
func (g *Guards) judge(before *domain.Offer, l *domain.Listing, rules domain.Rules) judgement {
	after := l.Offer()
	c := g.concerns(before, after)
	if l.Deleted && rules.OnDelete == domain.DeleteDeletes {
		c &^= emptyText // the whole product goes
	}
	return judgement{before, after, c}
}

// concerns compares a push with what BigCommerce was told last, nil when that is
// not known. A text that was empty then already is no concern: what BigCommerce has
// got since is not worth a request for each push. Without anything to compare with,
// an empty text is a concern and nothing else is.
func (g *Guards) concerns(before *domain.Offer, after domain.Offer) concern {
	var c concern
	add := func(does bool, what concern) {
		if does {
			c |= what
		}
	}
	if g.Empties {
		add(!after.Described && (before == nil || before.Described), undescribed)
		add(!after.Branded && (before == nil || before.Branded), unbranded)
	}
	if !g.Breaker.off() && before != nil {
		add(before.InStock && !after.InStock, soldOut)
		add(before.Visible && !after.Visible, hidden)
		add(moved(before.LowPrice, after.LowPrice, g.Breaker.Price) || moved(before.HighPrice, after.HighPrice, g.Breaker.Price), repriced)
	}
	return c
}

// moved reports whether a price changes by more than a part of itself.
func moved(from, to domain.Money, part float64) bool {
	a, _ := from.Decimal().Float64()
	b, _ := to.Decimal().Float64()
	return max(a-b, b-a) > part*a
}

// massReason says for people why the breaker holds a push that is one of a surge.
func (b *Breaker) massReason(j *judgement, s surge) string {
	var would []string
	if j.concerns&hidden != 0 {
		would = append(would, "be hidden")
	}
	if j.concerns&soldOut != 0 {
		would = append(would, "go out of stock")
	}
	if j.concerns&repriced != 0 {
		would = append(would, fmt.Sprintf("cost %s instead of %s", prices(j.after), prices(*j.before)))
	}
	return fmt.Sprintf("it would %s, as one of %d of %d linked products with such a change within %s", strings.Join(would, " and "), s.changed, s.linked, b.Window)
}

func prices(o domain.Offer) string {
	if o.LowPrice.Equal(o.HighPrice) {
		return o.LowPrice.String()
	}
	return o.LowPrice.String() + " to " + o.HighPrice.String()
}

// emptyReason says for people what a push would empty that the twin has; "" for
// nothing.
func emptyReason(c concern, twin *bigcommerce.Product) string {
	var texts []string
	if c&undescribed != 0 && strings.TrimSpace(twin.Description) != "" {
		texts = append(texts, "the description")
	}
	if c&unbranded != 0 && twin.BrandID != 0 {
		texts = append(texts, "the brand")
	}
	if len(texts) == 0 {
		return ""
	}
	return fmt.Sprintf("it would empty %s of BigCommerce product %d", strings.Join(texts, " and "), twin.ID)
}
