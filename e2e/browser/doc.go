// Package browser are journeys in a real browser (chromium), on phone and desktop: what people do, by mouse and by keyboard, with
// and without script, with the pages' policy enforced.
//
// TestEveryPage goes to every address of services/web/routes.go, in every state that somebody sees, and has axe-core judge it: a
// new page needs a stop in one of its walks. TestCorpus shows PDFs of all kinds and compares text and picture with what was put
// in. What a tab's addresses and titles hold at its end is searched for what is somebody's. Screenshots are in artefacts.
package browser
