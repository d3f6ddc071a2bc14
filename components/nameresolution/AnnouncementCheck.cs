namespace DaprK8s.Components.NameResolution;

/// <summary>What every resolver demands of an announcement, in the contract's words (components 10.1, 10.3).</summary>
internal static class AnnouncementCheck
{
    /// <summary>Refuses an announcement without a name, an address or a port.</summary>
    /// <exception cref="InvalidOperationException">One of them is missing.</exception>
    public static void Check(Announcement self)
    {
        if (self.AppId.Length == 0)
        {
            throw new InvalidOperationException("name is missing");
        }

        if (self.HostAddress is null)
        {
            throw new InvalidOperationException("address is missing");
        }

        if (self.InternalPort is <= 0 or > ushort.MaxValue)
        {
            throw new InvalidOperationException("port is missing or invalid");
        }
    }
}
