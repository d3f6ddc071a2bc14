namespace DaprK8s.Sentry.Rotation;

/// <summary>
/// Where what happens to the authority is reported besides the log: Kubernetes events on the Secret. Reporting never fails and never
/// holds anything up; what can't be delivered is dropped with a log line.
/// </summary>
internal interface ICaEvents
{
    /// <summary>Reports an event.</summary>
    /// <param name="warning">Whether somebody has to act.</param>
    /// <param name="reason">One word in upper camel case, such as <c>RootExpiring</c>.</param>
    /// <param name="message">A sentence.</param>
    void Report(bool warning, string reason, string message);
}
