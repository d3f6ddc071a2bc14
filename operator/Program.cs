using DaprK8s.Operator.Check;
using DaprK8s.Operator.Crds;
using DaprK8s.Operator.Server;

return args switch
{
    [ApplyCrdsCommand.Name, .. var rest] => await ApplyCrdsCommand.RunAsync(rest),
    [CheckCommand.Name, .. var rest] => await CheckCommand.RunAsync(rest, Console.Out),
    _ => await OperatorProcess.RunAsync(args),
};
