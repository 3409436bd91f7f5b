// Package bigcommerce calls the part of BigCommerce's v3 API that keeps an online shop equal to a point of sale: find
// products and variants, create them, overwrite what the point of sale owns of them, and set their stock.
//
// It promises:
//   - An update cannot carry what the merchant owns in BigCommerce (weight, sizes, MSRP, sale price, tax, SEO, custom
//     fields, modifiers, product codes, categories, images): the payload types have no field for it.
//   - Every failure is an [*Error] with a [Verdict], decided in one place, that says whether trying again makes sense
//     and whether a write may have happened.
//   - No request is sent that the store's reported quota does not cover; see [Quota].
//   - The token appears in no output.
//
// It does not retry: only the caller knows whether the state it wanted to send is still the newest. It does not compare,
// plan or cache. It does not read webhooks.
//
// It imports nothing of this module. The package simulator beside it is a BigCommerce store to test against.
package bigcommerce
