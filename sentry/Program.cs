using DaprK8s.Sentry.Server;

return await SentryProcess.RunAsync(args);
