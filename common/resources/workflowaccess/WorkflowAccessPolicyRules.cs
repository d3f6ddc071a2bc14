namespace DaprK8s.Common.Resources;

/// <summary>
/// What a WorkflowAccessPolicy must keep to. In a cluster the API server applies these rules, elsewhere the sidecar itself
/// (contract: k8s 1.9).
/// </summary>
public static class WorkflowAccessPolicyRules
{
    /// <summary>The most rules of a policy, and callers, workflows or activities of a rule.</summary>
    public const int MaxItems = 100;

    /// <summary>The most characters of a name or an app id.</summary>
    public const int MaxNameLength = 256;

    /// <summary>The most operations of an entry.</summary>
    public const int MaxOperations = 8;

    /// <summary>The most events that an entry may require.</summary>
    public const int MaxRequires = 20;

    /// <summary>The CEL rule over each of <c>spec.rules</c>.</summary>
    public const string SomethingRule =
        "(has(self.workflows) && size(self.workflows) > 0) || (has(self.activities) && size(self.activities) > 0)";

    /// <summary>The message of <see cref="SomethingRule"/>.</summary>
    public const string Something = "at least one of workflows or activities must contain a rule";

    /// <summary>The CEL rule over each of <c>spec.rules[].workflows</c>.</summary>
    public const string ScheduleOnlyRule =
        "!has(self.requires) || size(self.requires) == 0 || (size(self.operations) == 1 && self.operations[0] == 'schedule')";

    /// <summary>The message of <see cref="ScheduleOnlyRule"/>.</summary>
    public const string ScheduleOnly = "requires is only valid when the rule's only operation is 'schedule'";

    private static readonly string[] Operations = ["schedule", "terminate", "raise", "pause", "resume", "purge", "get", "rerun"];

    private static readonly string[] EventTypes =
        ["activity.started", "activity.completed", "workflow.started", "workflow.completed", "event.raised"];

    /// <summary>What the schema refuses; empty when nothing.</summary>
    public static IReadOnlyList<ResourceProblem> CheckSchema(WorkflowAccessPolicy policy)
    {
        List<ResourceProblem> problems = [];
        var rules = policy.Spec.Rules ?? [];
        CheckCount(rules.Count, 0, MaxItems, "spec.rules", problems);
        foreach (var (index, rule) in rules.Index())
        {
            CheckRule(rule, $"spec.rules[{index}]", problems);
        }

        return problems;
    }

    private static void CheckRule(WorkflowAccessRule rule, string path, List<ResourceProblem> problems)
    {
        var workflows = rule.Workflows ?? [];
        var activities = rule.Activities ?? [];
        if (workflows.Count == 0 && activities.Count == 0)
        {
            problems.Add(new(path, Something));
        }

        CheckCount(rule.Callers.Count, 1, MaxItems, path + ".callers", problems);
        CheckCount(workflows.Count, 0, MaxItems, path + ".workflows", problems);
        CheckCount(activities.Count, 0, MaxItems, path + ".activities", problems);
        foreach (var (index, caller) in rule.Callers.Index())
        {
            CheckName(caller.AppID, $"{path}.callers[{index}].appID", problems);
        }

        foreach (var (index, workflow) in workflows.Index())
        {
            CheckWorkflow(workflow, $"{path}.workflows[{index}]", problems);
        }

        foreach (var (index, activity) in activities.Index())
        {
            CheckName(activity.Name, $"{path}.activities[{index}].name", problems);
            CheckRequires(activity.Requires, $"{path}.activities[{index}].requires", problems);
        }
    }

    private static void CheckWorkflow(WorkflowOperationRule rule, string path, List<ResourceProblem> problems)
    {
        CheckName(rule.Name, path + ".name", problems);
        CheckCount(rule.Operations.Count, 1, MaxOperations, path + ".operations", problems);
        foreach (var (index, operation) in rule.Operations.Index())
        {
            CheckChoice(operation, Operations, $"{path}.operations[{index}]", problems);
        }

        if (rule.Operations.Distinct(StringComparer.Ordinal).Count() != rule.Operations.Count)
        {
            problems.Add(new(path + ".operations", "has the same operation twice; name each once"));
        }

        if (rule.Requires is { Count: > 0 } && rule.Operations is not ["schedule"])
        {
            problems.Add(new(path, ScheduleOnly));
        }

        CheckRequires(rule.Requires, path + ".requires", problems);
    }

    private static void CheckRequires(List<RequiredEvent>? requires, string path, List<ResourceProblem> problems)
    {
        CheckCount(requires?.Count ?? 0, 0, MaxRequires, path, problems);
        foreach (var (index, required) in (requires ?? []).Index())
        {
            CheckChoice(required.EventType, EventTypes, $"{path}[{index}].eventType", problems);
            CheckName(required.Name, $"{path}[{index}].name", problems);
            CheckName(required.AppID, $"{path}[{index}].appID", problems);
        }
    }

    private static void CheckCount(int count, int least, int most, string path, List<ResourceProblem> problems)
    {
        if (count < least)
        {
            problems.Add(new(path, $"must have at least {least} item"));
        }
        else if (count > most)
        {
            problems.Add(new(path, $"must have at most {most} items, has {count}"));
        }
    }

    private static void CheckName(string? name, string path, List<ResourceProblem> problems)
    {
        if (string.IsNullOrEmpty(name))
        {
            problems.Add(new(path, "is required and must not be empty"));
        }
        else if (name.EnumerateRunes().Count() > MaxNameLength)
        {
            problems.Add(new(path, $"must have at most {MaxNameLength} characters"));
        }
    }

    private static void CheckChoice(string? value, string[] choices, string path, List<ResourceProblem> problems)
    {
        if (!choices.Contains(value, StringComparer.Ordinal))
        {
            problems.Add(new(path, $"must be one of {string.Join(", ", choices)}"));
        }
    }
}
