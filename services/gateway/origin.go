package gateway

import (
	"context"
	"strings"

	"google.golang.org/grpc/metadata"
)

// originHeader tells this unit, when a door calls it, where the door was called from.
const originHeader = "naru-origin"

// toldOrigin is the origin that a door told.
func toldOrigin(ctx context.Context) string {
	incoming, _ := metadata.FromIncomingContext(ctx)
	return strings.Join(incoming.Get(originHeader), "")
}
