// Package browser are journeys in a real browser (chromium), on phone and desktop: what people do, by mouse and by keyboard, with
// the pages' policy enforced and axe-core without a violation on every page they see. Screenshots are in artefacts.
package browser
