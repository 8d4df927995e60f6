package web

import (
	viewingv1 "github.com/naru-relay/naru/proto/gen/naru/viewing/v1"
)

// viewingLogAction is where the page of a received document asks for its viewing log; empty where it may not: the extract of an
// organisation names its persons, so its representatives take it.
func (v *visit) viewingLogAction(number string) string {
	if v.session.Organisation != nil && !represents(v.session) {
		return ""
	}
	return "/inbox/" + number + "/viewing-log"
}

// downloadViewingLog hands out a signed extract of who opened a document, made for this download. One of more than 500 entries is
// the first part, and says so.
func (v *visit) downloadViewingLog() error {
	number := v.r.PathValue("number")
	made, err := v.relay.accesses.ExtractViewingLog(v.as(), &viewingv1.ExtractViewingLogRequest{EdocNum: number})
	if err != nil {
		return err
	}
	return v.file(number+".viewing-log.txt", "text/plain; charset=utf-8", []byte(made.GetExtract()+"\n"))
}
