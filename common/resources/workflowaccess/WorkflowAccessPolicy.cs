using DaprK8s.Common.Resources.Schema;

namespace DaprK8s.Common.Resources;

/// <summary>
/// A WorkflowAccessPolicy says which other apps may start, query and steer the workflows and activities of the apps that it is for.
/// Without any policy everything is allowed; with one, only what a rule allows.
/// </summary>
/// <remarks>Contract: k8s 1.9, security 3.13.</remarks>
[CustomResource("WorkflowAccessPolicy", "workflowaccesspolicies", "dwap", "workflowaccesspolicy")]
[PrinterColumn("Ready", """.status.conditions[?(@.type=="Ready")].status""", "Whether every sidecar that uses the policy has it in use.")]
[PrinterColumn("Apps", ".status.apps.summary", "Sidecars that have it in use, of those that use it.")]
[PrinterColumn("Age", ".metadata.creationTimestamp", "How long it has been there.", Type = "date")]
public sealed class WorkflowAccessPolicy : Resource
{
    /// <summary>The rules.</summary>
    public WorkflowAccessPolicySpec Spec { get; set; } = new();
}

/// <summary>A policy's specification.</summary>
public sealed class WorkflowAccessPolicySpec
{
    /// <summary>What is allowed; a call is when any rule allows it. Calls of an app to itself always are.</summary>
    [Schema(MaxItems = WorkflowAccessPolicyRules.MaxItems)]
    public List<WorkflowAccessRule>? Rules { get; set; }
}

/// <summary>Something allowed.</summary>
[Schema(Rule = WorkflowAccessPolicyRules.SomethingRule, RuleMessage = WorkflowAccessPolicyRules.Something)]
public sealed class WorkflowAccessRule
{
    /// <summary>The apps that may; of the same namespace.</summary>
    [Schema(Required = true, MinItems = 1, MaxItems = WorkflowAccessPolicyRules.MaxItems)]
    public List<WorkflowCaller> Callers { get; set; } = [];

    /// <summary>What they may do with workflows.</summary>
    [Schema(MaxItems = WorkflowAccessPolicyRules.MaxItems)]
    public List<WorkflowOperationRule>? Workflows { get; set; }

    /// <summary>The activities that they may schedule.</summary>
    [Schema(MaxItems = WorkflowAccessPolicyRules.MaxItems)]
    public List<ActivityRule>? Activities { get; set; }
}

/// <summary>A calling app.</summary>
public sealed class WorkflowCaller
{
    /// <summary>Its app id.</summary>
    [Schema(Required = true, MinLength = 1, MaxLength = WorkflowAccessPolicyRules.MaxNameLength)]
    public string AppID { get; set; } = "";
}

/// <summary>Operations on workflows.</summary>
[Schema(Rule = WorkflowAccessPolicyRules.ScheduleOnlyRule, RuleMessage = WorkflowAccessPolicyRules.ScheduleOnly)]
public sealed class WorkflowOperationRule
{
    /// <summary>Name of the workflows, with <c>*</c>, <c>?</c> and <c>[...]</c> as in a shell; <c>*</c> also covers instances that do not exist.</summary>
    [Schema(Required = true, MinLength = 1, MaxLength = WorkflowAccessPolicyRules.MaxNameLength)]
    public string Name { get; set; } = "";

    /// <summary>What may be done: <c>schedule</c>, <c>terminate</c>, <c>raise</c>, <c>pause</c>, <c>resume</c>, <c>purge</c>, <c>get</c>, <c>rerun</c>.</summary>
    [Schema(Required = true, MinItems = 1, MaxItems = WorkflowAccessPolicyRules.MaxOperations, ListType = "set",
        Enum = ["schedule", "terminate", "raise", "pause", "resume", "purge", "get", "rerun"])]
    public List<string> Operations { get; set; } = [];

    /// <summary>What must have happened before, in this order, by the caller's signed history; only with the single operation <c>schedule</c>.</summary>
    [Schema(MaxItems = WorkflowAccessPolicyRules.MaxRequires)]
    public List<RequiredEvent>? Requires { get; set; }
}

/// <summary>Activities that may be scheduled.</summary>
public sealed class ActivityRule
{
    /// <summary>Name of the activities, with <c>*</c>, <c>?</c> and <c>[...]</c> as in a shell.</summary>
    [Schema(Required = true, MinLength = 1, MaxLength = WorkflowAccessPolicyRules.MaxNameLength)]
    public string Name { get; set; } = "";

    /// <summary>What must have happened before, in this order, by the caller's signed history.</summary>
    [Schema(MaxItems = WorkflowAccessPolicyRules.MaxRequires)]
    public List<RequiredEvent>? Requires { get; set; }
}

/// <summary>Something that must have happened.</summary>
public sealed class RequiredEvent
{
    /// <summary>What happened.</summary>
    [Schema(Required = true, Enum = ["activity.started", "activity.completed", "workflow.started", "workflow.completed", "event.raised"])]
    public string EventType { get; set; } = "";

    /// <summary>Name of the activity, workflow or event.</summary>
    [Schema(Required = true, MinLength = 1, MaxLength = WorkflowAccessPolicyRules.MaxNameLength)]
    public string Name { get; set; } = "";

    /// <summary>The app in which it happened.</summary>
    [Schema(Required = true, MinLength = 1, MaxLength = WorkflowAccessPolicyRules.MaxNameLength)]
    public string AppID { get; set; } = "";
}
