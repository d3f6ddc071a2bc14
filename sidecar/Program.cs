using DaprK8s.Sidecar.Runtime;

return await SidecarProcess.RunAsync(args);
