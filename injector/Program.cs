using DaprK8s.Injector.Server;

return await InjectorProcess.RunAsync(args);
