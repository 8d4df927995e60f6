package hub

import (
	"bytes"
	"context"
	"crypto/sha256"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/testkit/await"
	"github.com/naru-relay/naru/pkg/testkit/unittest"
	hubv1 "github.com/naru-relay/naru/proto/gen/naru/hub/v1"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

// answerOf waits until the log holds what is asked for.
func answerOf(t *testing.T, b *unittest.Bench, exchange string, serial int) *hubv1.GetAnswerResponse {
	t.Helper()
	var got *hubv1.GetAnswerResponse
	await.Require(t, unittest.Patience, func(ctx context.Context) (err error) {
		got, err = as(t, b, "certificate").GetAnswer(ctx, &hubv1.GetAnswerRequest{Exchange: exchange, EdocNum: edoc(serial)})
		return err
	})
	return got
}

// stated reads the only fact of a proof into a message.
func stated(t *testing.T, p *platformv1.LogProof, into proto.Message) {
	t.Helper()
	require.Len(t, p.GetFacts(), 1)
	event := &platformv1.Event{}
	require.NoError(t, proto.Unmarshal(p.GetFacts()[0].GetEvent(), event))
	require.NoError(t, proto.Unmarshal(event.GetPayload(), into))
}

// An answer is given as it was recorded, with the proof of its digest; one about other documents, too, only by its digest.
func TestAnswer(t *testing.T) {
	t.Parallel()
	f := newFakeHub(t)
	f.answerBy(func(w http.ResponseWriter, _ *http.Request, body []byte) {
		var items bytes.Buffer
		for i := 1; i <= 3; i++ {
			if bytes.Contains(body, []byte(edoc(i))) {
				if items.Len() > 0 {
					items.WriteByte(',')
				}
				items.WriteString(`{"edocNum":"` + edoc(i) + `","result":1}`)
			}
		}
		writeJSON(w, `{"resultCode":1,"circulations":[`+items.String()+`]}`)
	})
	b := bench(t, f, nil, unittest.Witnessed())
	alone, err := as(t, b, "circulation").RegisterCirculations(t.Context(), circulations(1))
	require.NoError(t, err)
	got := answerOf(t, b, alone.GetExchange(), 1)
	require.Equal(t, "HTTP 200\r\nContent-Type: application/json\r\n\r\n"+`{"resultCode":1,"circulations":[{"edocNum":"`+edoc(1)+`","result":1}]}`, string(got.GetAnswer()))
	answered := &hubv1.ExchangeAnswered{}
	stated(t, got.GetProof(), answered)
	digest := sha256.Sum256(got.GetAnswer())
	require.Equal(t, digest[:], answered.GetResponseDigest())
	require.Empty(t, answerOf(t, b, alone.GetExchange(), 2).GetAnswer(), "it is not about that document")

	together, err := as(t, b, "circulation").RegisterCirculations(t.Context(), circulations(3))
	require.NoError(t, err)
	got = answerOf(t, b, together.GetExchange(), 1)
	require.Empty(t, got.GetAnswer())
	stated(t, got.GetProof(), answered)
	require.Len(t, answered.GetResponseDigest(), sha256.Size)

	_, err = as(t, b, "certificate").GetAnswer(t.Context(), &hubv1.GetAnswerRequest{Exchange: unittest.NewID(), EdocNum: edoc(1)})
	require.Equal(t, "EXCHANGE_NOT_FOUND", fault.ReasonOf(err))
	_, err = as(t, b, "circulation").GetAnswer(t.Context(), &hubv1.GetAnswerRequest{Exchange: alone.GetExchange(), EdocNum: edoc(1)})
	require.Equal(t, fault.Denied, fault.KindOf(err))
}

// While no witness has cosigned what was recorded, there is no answer yet.
func TestAnswerWaitsForTheWitness(t *testing.T) {
	t.Parallel()
	f := newFakeHub(t)
	b := bench(t, f, nil)
	r, err := as(t, b, "circulation").RegisterCirculations(t.Context(), circulations(1))
	if err != nil { // the answer left the item out, which is an answer
		t.Fatal(err)
	}
	_, err = as(t, b, "certificate").GetAnswer(t.Context(), &hubv1.GetAnswerRequest{Exchange: r.GetExchange(), EdocNum: edoc(1)})
	require.Equal(t, "FACTS_NOT_WITNESSED", fault.ReasonOf(err))
	require.Equal(t, fault.Unavailable, fault.KindOf(err))
}

// What the hub pushed is given as it was recorded, with the proof of its receipt.
func TestAnswerOfAPush(t *testing.T) {
	t.Parallel()
	key := newPushKey(t)
	address, signers := freeAddress(t), key.pinned(t)
	b := bench(t, newFakeHub(t), func(c *Config) { c.Push.Listen, c.Push.SignersFile, c.Push.MaxBytes = address, signers, 1<<20 }, unittest.Witnessed())
	contentType, body := pushBody(t, wholePush, "%PDF-1.7 of the hub")
	status, _ := send(t, "http://"+address+"/hub/v1/certificates", signed(t, b, key, contentType, body, nil), contentType, body)
	require.Equal(t, http.StatusOK, status)
	unittest.AwaitFacts[*hubv1.HubPushReceived](t, b, 1)
	got := answerOf(t, b, b.Stated(t, &hubv1.HubPushReceived{})[0].GetSubject(), 1)
	require.True(t, bytes.HasSuffix(got.GetAnswer(), body))
	received := &hubv1.HubPushReceived{}
	stated(t, got.GetProof(), received)
	digest := sha256.Sum256(got.GetAnswer())
	require.Equal(t, digest[:], received.GetRequestDigest())
}
