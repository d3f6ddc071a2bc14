using DaprK8s.Operator.Check;
using DaprK8s.Operator.Crds;

return args switch
{
    [ApplyCrdsCommand.Name, .. var rest] => await ApplyCrdsCommand.RunAsync(rest),
    [CheckCommand.Name, .. var rest] => await CheckCommand.RunAsync(rest, Console.Out),
    _ => 0,
};
