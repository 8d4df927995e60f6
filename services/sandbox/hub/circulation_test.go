package hub_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/services/sandbox/hub"
	"github.com/naru-relay/naru/services/sandbox/scenario"
)

// item returns a circulation as JSON; changes replace fields, nil removes one.
func item(serial int, changes map[string]any) map[string]any {
	it := map[string]any{
		"edocNum": edoc(serial), "subject": "시험 안내문", "sendEaddr": "sender", "recvEaddr": "Recipient",
		"sendPlatformId": naru, "recvPlatformId": peer, "docType": 0, "contentHash": strings.Repeat("ab", 32),
		"sendDate": "2026-03-02 10:00:00", "recvDate": "2026-03-02 10:00:01",
	}
	for k, v := range changes {
		if v == nil {
			delete(it, k)
			continue
		}
		it[k] = v
	}
	return it
}

func batch(t testing.TB, items ...map[string]any) string {
	t.Helper()
	body, err := json.Marshal(map[string]any{"circulations": items})
	require.NoError(t, err)
	return string(body)
}

// setupParties registers "sender" at naru from 09:00, and "recipient" at peer from 09:30 until its withdrawal at 11:00, all on
// 2026-03-02 KST.
func setupParties(t testing.TB, adjust ...func(*hub.Config)) *bundle {
	t.Helper()
	b := setup(t, adjust...)
	require.Equal(t, 1, b.registerPerson(naru, "sender", ciOf("sender"), "2026-03-02 09:00:00").ResultCode)
	require.Equal(t, 1, b.registerPerson(peer, "recipient", ciOf("recipient"), "2026-03-02 09:30:00").ResultCode)
	require.Equal(t, 1, b.call(peer, http.MethodPatch, "/api/eaddr", `{"eaddr":"recipient","delDate":"2026-03-02 11:00:00"}`).ResultCode)
	return b
}

func TestCirculationItemsAreJudgedOneByOne(t *testing.T) {
	t.Parallel()
	b := setupParties(t)
	at := func(send, recv string) map[string]any {
		return map[string]any{"sendDate": "2026-03-02 " + send, "recvDate": "2026-03-02 " + recv}
	}
	tests := []struct {
		name    string
		changes map[string]any
		want    int
	}{
		{"in order", nil, 1},
		{"equal times are in order", map[string]any{"recvDate": "2026-03-02 10:00:00", "readDate": "2026-03-02 10:00:00"}, 1},
		{"address case does not matter", map[string]any{"sendEaddr": "SENDER"}, 1},
		{"with attachments and sub-addresses", map[string]any{"fileHashes": []string{strings.Repeat("aa", 32), strings.Repeat("BB", 48)}, "sendSubEaddr": "부서", "recvSubEaddr": "부서"}, 1},
		{"a null is absent", map[string]any{"readDate": json.RawMessage("null"), "fileHashes": json.RawMessage("null")}, 1},
		{"received before sent", at("10:00:02", "10:00:01"), 3},
		{"read before received", map[string]any{"readDate": "2026-03-02 10:00:00"}, 3},
		{"sent in the first second of the address", at("09:00:00", "10:00:00"), 1},
		{"sent before the address was", at("08:59:59", "10:00:00"), 4},
		{"sender unknown", map[string]any{"sendEaddr": "nobody"}, 4},
		{"sender is of another platform", map[string]any{"sendEaddr": "recipient"}, 4},
		{"received before the address was", at("09:10:00", "09:29:59"), 5},
		{"received in the second of the withdrawal", at("10:00:00", "11:00:00"), 1},
		{"received after the withdrawal", at("10:00:00", "11:00:01"), 5},
		{"recipient unknown", map[string]any{"recvEaddr": "nobody"}, 5},
		{"sending platform unknown", map[string]any{"sendPlatformId": "ghost", "recvPlatformId": naru}, 6},
		{"receiving platform unknown", map[string]any{"recvPlatformId": "ghost"}, 7},
		{"time order before address", map[string]any{"recvEaddr": "nobody", "readDate": "2026-03-02 09:00:00"}, 3},
		{"caller is no party", map[string]any{"sendPlatformId": peer}, 9},
		{"no subject", map[string]any{"subject": nil}, 9},
		{"subject too long", map[string]any{"subject": strings.Repeat("가", 101)}, 9},
		{"longest subject", map[string]any{"subject": strings.Repeat("가", 100)}, 1},
		{"subject with U+0000", map[string]any{"subject": "a\x00b"}, 9},
		{"no hash", map[string]any{"contentHash": ""}, 9},
		{"a hash of SHA-512", map[string]any{"contentHash": strings.Repeat("ab", 64)}, 9},
		{"a hash in base64", map[string]any{"contentHash": strings.Repeat("+A", 32)}, 9},
		{"a short hash of an attachment", map[string]any{"fileHashes": []string{"aa"}}, 9},
		{"eleven attachments", map[string]any{"fileHashes": slices.Repeat([]string{strings.Repeat("aa", 32)}, 11)}, 9},
		{"received in the future", map[string]any{"sendDate": "2026-03-02 12:00:00", "recvDate": "2026-03-02 12:00:06"}, 9},
		{"read in the future", map[string]any{"readDate": "2026-03-02 12:00:06"}, 9},
		{"a number of the day after the sending", map[string]any{"edocNum": "20260303_NARU000001_0000000000001"}, 9},
		{"no document type", map[string]any{"docType": nil}, 9},
		{"unknown document type", map[string]any{"docType": 3}, 9},
		{"document type without read time", map[string]any{"docType": 2}, 1},
		{"document type without read time has one", map[string]any{"docType": 2, "readDate": "2026-03-02 10:00:02"}, 9},
		{"date in another form", map[string]any{"sendDate": "2026-03-02T10:00:00"}, 9},
		{"no receive date", map[string]any{"recvDate": nil}, 9},
		{"empty read date", map[string]any{"readDate": ""}, 9},
		{"a field of the wrong type", map[string]any{"subject": 5}, 9},
		{"an unknown field", map[string]any{"colour": "red"}, 9},
		{"a malformed number", map[string]any{"edocNum": "20260302-NARU000001-0000000000001"}, 9},
	}
	var items []map[string]any
	var want []int
	for i, tt := range tests {
		items = append(items, item(i+1, tt.changes))
		want = append(want, tt.want)
	}
	a := b.call(naru, http.MethodPost, "/api/circulation", batch(t, items...))
	require.Equal(t, 1, a.ResultCode)
	require.Len(t, a.Circulations, len(tests))
	for i, tt := range tests {
		require.Equal(t, tt.want, a.Circulations[i].Result, tt.name)
		require.Equal(t, items[i]["edocNum"], a.Circulations[i].EdocNum, tt.name)
	}

	again := b.call(naru, http.MethodPost, "/api/circulation", batch(t, items...))
	for i, code := range again.results() {
		if want[i] == 1 {
			require.Equal(t, 2, code, tests[i].name)
		} else {
			require.Equal(t, want[i], code, tests[i].name)
		}
	}
	var count struct{ Registered, Read int }
	b.inspect("/sandbox/circulations", &count)
	require.Equal(t, 9, count.Registered)
	require.Equal(t, 1, count.Read)
}

func TestFirstRegistrationStays(t *testing.T) {
	t.Parallel()
	b := setupParties(t)
	first := item(1, map[string]any{"subject": "처음", "fileHashes": []string{strings.Repeat("cc", 32)}})
	other := item(1, map[string]any{"subject": "나중", "sendDate": "2026-03-02 12:00:00"})
	a := b.call(naru, http.MethodPost, "/api/circulation", batch(t, first, other, first))
	require.Equal(t, []int{1, 3, 2}, a.results(), "the second item of a batch is judged by itself")
	require.Equal(t, []int{2, 2}, b.call(naru, http.MethodPost, "/api/circulation", batch(t, other, first)).results())
	require.Equal(t, []int{2}, b.call(peer, http.MethodPost, "/api/circulation", batch(t, other)).results())

	var held map[string]any
	b.inspect("/sandbox/circulations/"+edoc(1), &held)
	require.Equal(t, "처음", held["subject"])
	require.Equal(t, []any{strings.Repeat("cc", 32)}, held["fileHashes"])
	require.Equal(t, "2026-03-02 10:00:00", held["sendDate"])
	require.Equal(t, "강나루", held["recvName"])
	require.Nil(t, held["readDate"])
}

func TestBatchIsRefusedAsAWhole(t *testing.T) {
	t.Parallel()
	b := setupParties(t)
	var many []map[string]any
	for i := range 501 {
		many = append(many, item(i+1, nil))
	}
	tests := []struct{ name, body string }{
		{"no items", `{"circulations":[]}`},
		{"no list", `{}`},
		{"501 items", batch(t, many...)},
		{"an item without a number", batch(t, item(1, nil), item(2, map[string]any{"edocNum": nil}))},
		{"an item that is no object", `{"circulations":[1]}`},
		{"not JSON", `circulations`},
		{"a bare list", `[]`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, method := range []string{http.MethodPost, http.MethodPatch} {
				a := b.call(naru, method, "/api/circulation", tt.body)
				require.Equal(t, 0, a.ResultCode)
				require.Equal(t, "ERR-01-201", a.ErrCode)
			}
		})
	}
	a := b.call(naru, http.MethodPost, "/api/circulation", batch(t, many[:500]...))
	require.Equal(t, slices.Repeat([]int{1}, 500), a.results())
}

func TestReadTimes(t *testing.T) {
	t.Parallel()
	b := setupParties(t)
	a := b.call(naru, http.MethodPost, "/api/circulation", batch(t,
		item(1, nil), item(2, nil), item(3, map[string]any{"docType": 2}), item(4, map[string]any{"readDate": "2026-03-02 10:05:00"}), item(5, nil)))
	require.Equal(t, []int{1, 1, 1, 1, 1}, a.results())
	read := func(serial int, date any) map[string]any {
		return map[string]any{"edocNum": edoc(serial), "readDate": date, "subject": nil}
	}
	reads := batch(t,
		read(1, "2026-03-02 10:00:01"), // the second of receipt
		read(2, "2026-03-02 10:00:00"),
		read(3, "2026-03-02 10:30:00"),
		read(4, "2026-03-02 10:30:00"),
		read(9, "2026-03-02 10:30:00"),
		read(5, nil),
		read(5, "2026-03-02"),
		read(5, "2026-03-02 10:40:00"),
		read(5, "2026-03-02 10:50:00"),
	)
	a = b.call(peer, http.MethodPatch, "/api/circulation", reads)
	require.Equal(t, []int{1, 3, 9, 2, 4, 9, 9, 1, 2}, a.results())
	require.Equal(t, edoc(9), a.Circulations[4].EdocNum)
	require.Equal(t, []int{2, 3, 9, 2, 4, 9, 9, 2, 2}, b.call(peer, http.MethodPatch, "/api/circulation", reads).results())

	var held map[string]any
	b.inspect("/sandbox/circulations/"+edoc(5), &held)
	require.Equal(t, "2026-03-02 10:40:00", held["readDate"])
}

func TestReadTimeFromAStrangerIsUnknown(t *testing.T) {
	t.Parallel()
	b := setupParties(t)
	require.NoError(t, b.system.PutPlatform(t.Context(), hub.Platform{
		PlatformID: "third-01-relay", ClientID: "ID-third-01-relay", ClientSecret: "SECRET-third-01-relay", Name: "시험용 중계자",
	}))
	b.tokens["third-01-relay"] = b.login("third-01-relay")
	require.Equal(t, []int{1}, b.call(naru, http.MethodPost, "/api/circulation", batch(t, item(1, nil))).results())
	body := batch(t, map[string]any{"edocNum": edoc(1), "readDate": "2026-03-02 10:30:00"})
	require.Equal(t, []int{4}, b.call("third-01-relay", http.MethodPatch, "/api/circulation", body).results())
}

func TestDialect2021KnowsNoDocumentType(t *testing.T) {
	t.Parallel()
	b := setupParties(t, func(c *hub.Config) { c.Dialect = hub.Dialect2021 })
	a := b.call(naru, http.MethodPost, "/api/circulation", batch(t,
		item(1, nil), item(2, map[string]any{"docType": nil}), item(3, map[string]any{"docType": nil, "sendSubEaddr": "부서"})))
	require.Equal(t, []int{9, 1, 9}, a.results())
}

func TestConcurrentOverlappingBatchesRegisterEachNumberOnce(t *testing.T) {
	t.Parallel()
	b := setupParties(t)
	var items []map[string]any
	for i := range 200 {
		items = append(items, item(i+1, nil))
	}
	backwards := slices.Clone(items)
	slices.Reverse(backwards)
	bodies := []string{batch(t, items...), batch(t, backwards...), batch(t, items[50:150]...), batch(t, backwards[20:]...)}
	answers := make([][]byte, len(bodies))
	var wg sync.WaitGroup
	for i, body := range bodies {
		wg.Go(func() {
			_, answers[i] = b.send(http.MethodPost, "/api/circulation", b.header(naru), "application/json", []byte(body))
		})
	}
	wg.Wait()
	wins := map[string]int{}
	for _, raw := range answers {
		var a answer
		require.NoError(t, json.Unmarshal(raw, &a))
		require.Equal(t, 1, a.ResultCode, string(raw))
		for _, c := range a.Circulations {
			require.Contains(t, []int{1, 2}, c.Result)
			if c.Result == 1 {
				wins[c.EdocNum]++
			}
		}
	}
	require.Len(t, wins, 200)
	for number, n := range wins {
		require.Equal(t, 1, n, number)
	}
}

func TestCirculationScenarios(t *testing.T) {
	t.Parallel()
	b := setupParties(t)
	three := batch(t, item(1, nil), item(2, nil), item(3, nil))

	require.NoError(t, b.scenarios.Put(scenario.Scenario{ID: "lost", Kind: scenario.AnswerLost, Match: scenario.Match{Path: "/api/circulation"}}))
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, b.server.URL+"/api/circulation", bytes.NewReader([]byte(three)))
	require.NoError(t, err)
	req.Header, req.GetBody = b.header(naru), nil
	req.Header.Set("Content-Type", "application/json")
	_, err = b.server.Client().Do(req)
	require.Error(t, err)
	require.Equal(t, []int{2, 2, 2}, b.call(naru, http.MethodPost, "/api/circulation", three).results(), "the lost answer had done the work")

	require.NoError(t, b.scenarios.Put(scenario.Scenario{ID: "by-number", Kind: scenario.ItemResult, Result: 5, Match: scenario.Match{EdocNum: edoc(12)}}))
	require.NoError(t, b.scenarios.Put(scenario.Scenario{ID: "by-place", Kind: scenario.ItemResult, Result: 9, Match: scenario.Match{Item: 1}}))
	next := batch(t, item(11, nil), item(12, nil), item(13, nil))
	require.Equal(t, []int{9, 5, 1}, b.call(naru, http.MethodPost, "/api/circulation", next).results())
	require.Equal(t, []int{1, 1, 2}, b.call(naru, http.MethodPost, "/api/circulation", next).results(), "a forced item was not done")

	require.NoError(t, b.scenarios.Put(scenario.Scenario{ID: "fewer", Kind: scenario.MissingItems, Count: 2}))
	a := b.call(naru, http.MethodPost, "/api/circulation", next)
	require.Len(t, a.Circulations, 1)
	require.NoError(t, b.scenarios.Put(scenario.Scenario{ID: "order", Kind: scenario.WrongOrder}))
	a = b.call(naru, http.MethodPost, "/api/circulation", next)
	require.Equal(t, []string{edoc(13), edoc(12), edoc(11)},
		[]string{a.Circulations[0].EdocNum, a.Circulations[1].EdocNum, a.Circulations[2].EdocNum})
}

func BenchmarkRegisterCirculations(b *testing.B) {
	hubs := setupParties(b)
	serial := 0
	for b.Loop() {
		items := make([]map[string]any, 500)
		for i := range items {
			serial++
			items[i] = item(serial, nil)
		}
		a := hubs.call(naru, http.MethodPost, "/api/circulation", batch(b, items...))
		if a.ResultCode != 1 || a.Circulations[499].Result != 1 {
			b.Fatal(fmt.Sprint(a.ErrCode))
		}
	}
	b.ReportMetric(float64(serial)/b.Elapsed().Seconds(), "items/s")
}

// A management code belongs to the sending platform that used it first, whoever registers the document.
func TestManagementCodes(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, p := range []string{naru, peer} {
		require.Equal(t, 1, b.registerPerson(p, "somebody", ciOf(p), "2026-03-02 09:00:00").ResultCode)
	}
	send := func(from, to string, serial int) int {
		it := item(serial, map[string]any{"sendEaddr": "somebody", "recvEaddr": "somebody", "sendPlatformId": from, "recvPlatformId": to})
		return b.call(naru, http.MethodPost, "/api/circulation", batch(t, it)).Circulations[0].Result
	}
	require.Equal(t, 1, send(naru, peer, 1))
	require.Equal(t, 9, send(peer, naru, 2))
	require.Equal(t, 1, send(naru, naru, 3))
}

// A JSON call says that it is one, in UTF-8.
func TestContentTypes(t *testing.T) {
	t.Parallel()
	b := setupParties(t)
	body := []byte(batch(t, item(1, nil)))
	for _, contentType := range []string{"", "text/plain", "application/json; charset=euc-kr", "multipart/mixed; boundary=b"} {
		a := b.callAs(b.header(naru), http.MethodPost, "/api/circulation", contentType, body)
		require.Equal(t, "ERR-01-201", a.ErrCode, contentType)
	}
	require.Equal(t, []int{1}, b.callAs(b.header(naru), http.MethodPost, "/api/circulation", "application/json; charset=UTF-8", body).results())
}

// A replica that lags knows neither a new address nor a new circulation.
func TestReplicaLag(t *testing.T) {
	t.Parallel()
	b := setupParties(t)
	require.Equal(t, []int{1}, b.call(naru, http.MethodPost, "/api/circulation", batch(t, item(1, nil))).results())
	require.NoError(t, b.scenarios.Put(scenario.Scenario{ID: "lag", Kind: scenario.ReplicaLag, Delay: scenario.Delay(time.Second), Times: 2}))
	byIdn := "/api/eaddr?idn=" + url.QueryEscape(ciOf("sender"))
	require.Equal(t, "ERR-01-304", b.call(naru, http.MethodGet, byIdn, "").ErrCode)
	require.Equal(t, "ERR-01-501", b.call(naru, http.MethodPost, "/api/cert", certBody(1, "sender")).ErrCode)
	require.Equal(t, []string{"sender"}, b.call(naru, http.MethodGet, byIdn, "").Eaddrs)
	resp, _ := b.send(http.MethodPost, "/api/cert", b.header(naru), "application/json", []byte(certBody(1, "sender")))
	require.True(t, strings.HasPrefix(resp.Header.Get("Content-Type"), "multipart/mixed"))
}
