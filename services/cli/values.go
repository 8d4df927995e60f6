package cli

import (
	"strings"
	"time"

	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/naru-relay/naru/pkg/id"
)

// enumName returns the proto name of a command-line word: public-institution becomes ORGANISATION_TYPE_PUBLIC_INSTITUTION.
func enumName(prefix, word string) string {
	return prefix + strings.ToUpper(strings.ReplaceAll(word, "-", "_"))
}

// words are the command-line words of an enum, for enumName, separated by commas; its first value stands for none.
func words(enum protoreflect.Enum) string {
	values := enum.Descriptor().Values()
	prefix := strings.TrimSuffix(string(values.Get(0).Name()), "UNSPECIFIED")
	var all []string
	for i := 1; i < values.Len(); i++ {
		word := strings.TrimPrefix(string(values.Get(i).Name()), prefix)
		all = append(all, strings.ToLower(strings.ReplaceAll(word, "_", "-")))
	}
	return strings.Join(all, ",")
}

// moment parses a time of the command line: RFC 3339, or a duration from now such as 72h. Empty means no time.
func moment(flag, text string, now time.Time) (*timestamppb.Timestamp, error) {
	if text == "" {
		return nil, nil //nolint:nilnil // nothing said is the relay's default
	}
	if at, err := time.Parse(time.RFC3339, text); err == nil {
		return timestamppb.New(at), nil
	}
	if ahead, err := time.ParseDuration(text); err == nil {
		return timestamppb.New(now.Add(ahead)), nil
	}
	return nil, usage("--%s wants a time such as 2026-03-02T09:00:00+09:00, or a duration such as 72h", flag)
}

// past reads a time of the command line that has been: RFC 3339, or a duration ago such as 72h. Empty is now.
func past(flag, text string, now time.Time) (time.Time, error) {
	if text == "" {
		return now, nil
	}
	if at, err := time.Parse(time.RFC3339, text); err == nil {
		return at, nil
	}
	if ago, err := time.ParseDuration(text); err == nil && ago >= 0 {
		return now.Add(-ago), nil
	}
	return now, usage("--%s wants a time such as 2026-03-02T09:00:00+09:00, or a duration ago such as 72h", flag)
}

// checkNumber finds what is no document number before the relay is asked.
func checkNumber(number string) error {
	if _, err := id.ParseEdocNumber(number); err != nil {
		return usage("%v", err)
	}
	return nil
}
