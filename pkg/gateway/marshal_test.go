package gateway_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/dynamicpb"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/naru-relay/naru/pkg/gateway"
	intakev1 "github.com/naru-relay/naru/proto/gen/naru/intake/v1"
	statusv1 "github.com/naru-relay/naru/proto/gen/naru/status/v1"
)

func TestMarshal(t *testing.T) {
	t.Parallel()
	at := timestamppb.New(time.Date(2026, 1, 2, 3, 4, 5, 123456999, time.UTC))
	tests := []struct {
		name    string
		message proto.Message
		want    string
	}{
		{"zero values that say something", &statusv1.BatchGetStatusResponse{}, `{"statuses":[],"notFound":[]}`},
		{"absent times, empty strings and unspecified enums are left out", &statusv1.DocumentStatus{}, `{"cancelRefused":false,"version":"0"}`},
		{
			"times have six digits, cut off and not rounded",
			&intakev1.Acceptance{OwnKey: "k", EdocNum: "n", AcceptedAt: at, Warnings: []string{"W"}},
			`{"ownKey":"k","edocNum":"n","acceptedAt":"2026-01-02T03:04:05.123456Z","duplicate":false,"warnings":["W"]}`,
		},
		{
			"times on the second have six digits too",
			&statusv1.HubStatus{RegistrationResult: 1, RegisteredAt: timestamppb.New(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))},
			`{"registrationResult":1,"registeredAt":"2026-01-02T03:04:05.000000Z","readTimeResult":0,"queued":false,"retried":false,"givenUp":false}`,
		},
		{
			"a text that looks like a time is left alone",
			&statusv1.TimelineEntry{Kind: "2026-01-02T03:04:05Z", Details: map[string]string{"b": "2026-01-02T03:04:05Z", "a": "<&>\u2028\""}},
			`{"kind":"2026-01-02T03:04:05Z","ordinal":0,"details":{"a":"<&>\u2028\"","b":"2026-01-02T03:04:05Z"}}`,
		},
		{
			"only what is set of a oneof",
			&intakev1.ItemOutcome{Outcome: &intakev1.ItemOutcome_Refused{Refused: &intakev1.Refusal{Reason: "R"}}},
			`{"index":0,"refused":{"reason":"R","violations":[]}}`,
		},
		{
			"durations, and enums this build does not know",
			&intakev1.GetLimitsResponse{ViewingTokenLife: durationpb.New(1500 * time.Millisecond)},
			`{"batchItems":0,"batchBytes":"0","titleCharacters":0,"registrationCertificateBytes":0,"attachments":0,"statusIds":0,"viewingUrlCharacters":0,"ownKeyCharacters":0,"viewingTokenLife":"1.500s"}`,
		},
		{"unknown enum", &statusv1.DocumentStatus{State: 99, CancelRefused: true, Version: 1 << 60}, `{"state":99,"cancelRefused":true,"version":"1152921504606846976"}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := gateway.Marshal(tt.message)
			require.NoError(t, err)
			require.Equal(t, tt.want, string(got))
		})
	}
	_, err := gateway.Marshal(&intakev1.Acceptance{AcceptedAt: &timestamppb.Timestamp{Nanos: -1}})
	require.Error(t, err, "a time that is none")
}

// For every kind of field protojson reads back what Marshal wrote, and Walk reports no violation.
func TestMarshalReadsBack(t *testing.T) {
	t.Parallel()
	message := sample(t)
	for _, body := range []string{
		`{}`,
		`{"aText":"가\n\u001f","raw":"-_8","colour":"COLOUR_RED","yes":true,"i32":-1,"i64":"-9223372036854775808","u32":4294967295,"u64":"18446744073709551615","f32":1.5e-3,"f64":1e300}`,
		`{"at":"2026-01-02T03:04:05.123456+09:00","during":"-1.5s","inner":{"list":[{},{"yes":true}]},"numbers":[1,-2],"wrapped":"0","nothing":{}}`,
		`{"byText":{"a":{},"b":{"i32":1}},"byNumber":{"-1":"x","10":"y","9":"z"},"byBool":{"true":"COLOUR_RED"},"left":"","maybe":""}`,
	} {
		want := dynamicpb.NewMessage(message)
		require.NoError(t, protojson.Unmarshal([]byte(body), want))
		raw, err := gateway.Marshal(want)
		require.NoError(t, err)
		require.True(t, json.Valid(raw))
		require.Empty(t, gateway.Walk(raw, message), "%s", raw)
		got := dynamicpb.NewMessage(message)
		require.NoError(t, protojson.Unmarshal(raw, got))
		require.True(t, proto.Equal(want, got), "%s", raw)
	}
}
