package pg

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/lifecycle"
)

// Partitions are made a week or more ahead, so an hour more or less does not matter; it only bounds
// how long expired ones stay.
const maintenanceInterval = time.Hour

// PartitionDeps of PartitionTask; all are required.
type PartitionDeps struct {
	// Name of the task.
	Name string
	// DB works as the schema's owner.
	DB         Beginner
	Partitions []Partition
	Clock      clock.Clock
	Log        *slog.Logger
}

// PartitionTask maintains partitions every hour, beginning at once. What does not succeed is logged
// and tried again; CheckPartitions tells when it has become serious.
func PartitionTask(deps PartitionDeps) (lifecycle.Task, error) {
	if deps.Name == "" || deps.DB == nil || deps.Clock == nil || deps.Log == nil {
		return lifecycle.Task{}, errors.New("partition task: Name, DB, Clock and Log are required")
	}
	return lifecycle.Every(deps.Name, maintenanceInterval, func(ctx context.Context) {
		err := MaintainPartitions(ctx, deps.DB, deps.Partitions, deps.Clock.Now())
		if err != nil && ctx.Err() == nil {
			deps.Log.LogAttrs(ctx, slog.LevelWarn, "maintaining partitions did not succeed",
				slog.String("task", deps.Name), slog.Any("error", err))
		}
	}), nil
}
