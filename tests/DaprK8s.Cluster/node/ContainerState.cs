using System.Globalization;
using System.Text.Json.Nodes;
using DaprK8s.Cluster.Objects;

namespace DaprK8s.Cluster.Node;

/// <summary>What a container does now, or how it ended.</summary>
internal abstract record ContainerState
{
    private ContainerState()
    {
    }

    public abstract JsonObject ToJson();

    /// <summary>Not started yet, or not again.</summary>
    internal sealed record Waiting(string Reason, string? Message = null) : ContainerState
    {
        public override JsonObject ToJson()
        {
            var waiting = new JsonObject { ["reason"] = Reason };
            if (Message is not null)
            {
                waiting["message"] = Message;
            }

            return new JsonObject { ["waiting"] = waiting };
        }
    }

    internal sealed record Running(DateTimeOffset Since) : ContainerState
    {
        public override JsonObject ToJson() => new() { ["running"] = new JsonObject { ["startedAt"] = Times.Of(Since) } };
    }

    internal sealed record Terminated(int ExitCode, DateTimeOffset StartedAt, DateTimeOffset FinishedAt, string ContainerId) : ContainerState
    {
        public override JsonObject ToJson()
        {
            var ended = new JsonObject
            {
                ["exitCode"] = ExitCode,
                ["reason"] = ExitCode == 0 ? "Completed" : "Error",
                ["startedAt"] = Times.Of(StartedAt),
                ["finishedAt"] = Times.Of(FinishedAt),
                ["containerID"] = ContainerId,
            };
            if (ExitCode > 128)
            {
                ended["message"] = string.Create(CultureInfo.InvariantCulture, $"ended by signal {ExitCode - 128}");
            }

            return new JsonObject { ["terminated"] = ended };
        }
    }
}
