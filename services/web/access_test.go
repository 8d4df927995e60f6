package web_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/naru-relay/naru/pkg/testkit/unittest"
)

// A person sees who has been at what is its own; for an organisation the record names its persons.
func TestAccesses(t *testing.T) {
	t.Parallel()
	w := setup(t)
	b := w.signedIn(t, unittest.NewID())
	own := b.get("/accesses").body
	require.Contains(t, own, "문서를 열람함")
	require.Contains(t, own, `href="/inbox/`+there)
	require.Contains(t, own, "시험용 회사", "for which the person acted")
	require.Contains(t, own, plantedName, "the proxy who viewed")
	require.NotContains(t, b.get("/sent/"+here).body, plantedName)
	next := b.get("/accesses?page=" + url.QueryEscape(secondPage)).body
	require.Contains(t, next, "본인확인 후 로그인")
	require.NotContains(t, next, "page=")

	require.Equal(t, http.StatusSeeOther, b.post("/organisations/act", url.Values{"organisation": {organisation}}).status)
	require.Contains(t, b.get("/accesses").body, plantedName, "who acted for the organisation")
	require.Contains(t, b.get("/sent/"+here).body, plantedName, "who sent for it")
}

// The parties of a document take its viewing log, signed, from its page.
func TestViewingLog(t *testing.T) {
	t.Parallel()
	w := setup(t)
	b := w.signedIn(t, unittest.NewID())
	require.NotContains(t, b.get("/sent/"+here).body, "/viewing-log", "it was not received")
	w.status.mu.Lock()
	w.status.receivedAt = timestamppb.Now()
	w.status.mu.Unlock()
	for page, path := range map[string]string{"/inbox/" + here: "/inbox/" + here + "/viewing-log", "/sent/" + here: "/sent/" + here + "/viewing-log"} {
		require.Contains(t, b.get(page).body, `action="`+path+`"`)
		file := b.post(path, url.Values{})
		require.Equal(t, "eyJ."+here+"\n", file.body)
		require.Equal(t, "text/plain; charset=utf-8", file.header.Get("Content-Type"))
		require.Contains(t, file.header.Get("Content-Disposition"), here+".viewing-log.txt")
		require.Contains(t, file.header.Get("Cache-Control"), "no-store")
	}
}

// The copy of somebody's data is one JSON object with every page of every list, never kept by the browser.
func TestCopyOfData(t *testing.T) {
	t.Parallel()
	w := setup(t)
	b := w.signedIn(t, unittest.NewID())
	require.Contains(t, b.get("/data").body, plantedPhone)
	require.Equal(t, http.StatusSeeOther, b.post("/join", url.Values{"consent": {"yes"}, "designate": {"yes"}, "terms": {"yes"}, "terms_version": {"none-1"}}).status)
	got := b.post("/data/copy", url.Values{})
	require.Equal(t, http.StatusOK, got.status, "%s", got.body)
	require.Equal(t, "application/json", got.header.Get("Content-Type"))
	require.Contains(t, got.header.Get("Content-Disposition"), "attachment")
	require.Equal(t, "no-store", got.header.Get("Cache-Control"))
	var copied struct {
		Relay, MadeAt string
		Self          struct {
			Persons []struct{ Name, Phone string }
		}
		Membership    struct{ Membership struct{ Address string } }
		Organisations struct {
			Organisations []struct{ Organisation string }
		}
		Received, Sent, Authorisations, Accesses []map[string]any
	}
	require.NoError(t, json.Unmarshal([]byte(got.body), &copied), "%s", got.body)
	require.NotEmpty(t, copied.MadeAt)
	require.Equal(t, plantedPhone, copied.Self.Persons[0].Phone)
	require.Equal(t, "member-1", copied.Membership.Membership.Address)
	require.Len(t, copied.Accesses, 3, "all pages")
	require.Len(t, copied.Received, 4, "all pages")
	require.Len(t, copied.Sent, 2, "the 40 days since the first proof are two windows, however late the person joined anew")
	require.NotEqual(t, http.StatusOK, b.open("/data/copy", url.Values{}).status, "only by the session's own form")
}
